"""Versions that change while requests run: here, and wherever else the registry is looked at."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, TypedDict, Unpack

from podium.bundle import Bundle
from podium.deployments.deployment import Deployment
from podium.deployments.registry import Registry
from podium.deployments.rows import PREVIOUS, Live, Mode, Rollout, Version
from podium.deployments.traffic import Traffic
from podium.errors import PodiumError, RegistryError, SetupError
from podium.flow.version import LoadedVersion
from podium.model_settings import FixedAliases

LOOK_S = 0.1


class Change(TypedDict, total=False):
    """Who changes the versions of a model, and why: options of `Registry.promote`."""

    actor: str
    note: str
    expected: str | None
    details: Mapping[str, Any]


class Split(TypedDict, total=False):
    """How requests are divided, by whom, and why: options of `Registry.set_traffic`."""

    share: float
    mode: Mode
    key: str
    actor: str
    note: str
    expected: str | None


_log = logging.getLogger("podium")


def adopt(registry: Registry, bundle: Bundle) -> Bundle:
    """What answers where a server is started with a bundle: it, or the version promoted since.

    A registry that can't be used leaves the bundle that was given.
    """
    try:
        champion = registry.adopt(bundle)
        return bundle if champion.digest == bundle.digest else registry.bundle(champion)
    except PodiumError as error:
        _log.error("versions_not_kept: %s: %s", bundle.name, error, extra={"model": bundle.name})
        return bundle


def fix_aliases(
    registry: Registry, bundle: Bundle, wanted: FixedAliases | None, *, strict: bool
) -> Bundle:
    """What answers where settings may fix the aliases of a model: their champion, or the bundle.

    Args:
        strict: what can't be set so is an error; else the bundle answers, and the log says why.

    Raises:
        SetupError: it can't, where it is strict.
    """
    try:
        if wanted is None:
            registry.release(bundle.name)
            return bundle
        champion = registry.fix(bundle.name, wanted)
        return bundle if champion.digest == bundle.digest else registry.bundle(champion)
    except PodiumError as error:
        if strict and wanted is not None:
            message = f"[versions.{bundle.name}] can't be followed: {error.message}"
            raise SetupError(message, hint=error.hint or "podium register FILE") from error
        _log_failure("versions_not_fixed", bundle.name, error)
        return bundle


def load(version: LoadedVersion) -> LoadedVersion:
    """Load a version, unless it is; returns it.

    Raises:
        PodiumError: it can't be loaded.
    """
    if version.load():
        _log.info("model_loaded", extra={"model": version.name, "version": version.version})
    return version


class Versions:
    """Changes which versions of the models served here answer, and follows those who do elsewhere.

    A thread looks for changes of the registry, ten times a second. A version is loaded before it
    answers; a champion that can't be loaded changes nothing, a challenger is left out.

    Args:
        make: makes a version of a bundle, which isn't loaded yet.
        failures: why models can't be loaded, by name; one that answers again is taken out.
        changed: called after the traffic of a model was changed here.
    """

    def __init__(
        self,
        registry: Registry,
        deployments: Mapping[str, Deployment],
        make: Callable[[Bundle], LoadedVersion],
        failures: MutableMapping[str, Exception],
        changed: Callable[[Deployment], object] = lambda _: None,
    ) -> None:
        self.registry = registry
        self._deployments = deployments
        self._make = make
        self._failures = failures
        self._when_changed = changed
        self._change: object = None
        self._epochs: dict[str, int] = {}  # that was followed last, by model
        # Digests of what this process has served: a rollback to it needs no trial.
        self._served: set[str] = set()
        self._lock = threading.Lock()  # one change at a time
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="podium-versions", daemon=True)
        self._is_lost = False
        for deployment in deployments.values():
            self._set_initial_traffic(deployment)

    @property
    def health(self) -> str:
        """Why changes of versions aren't seen here, as everybody may hear it; "" where they are."""
        return "the registry of versions can't be read" if self._is_lost else ""

    def swap(self, bundle: Bundle) -> LoadedVersion:
        """Register and promote a bundle; returns the version before.

        Raises:
            PodiumError: as `promote` does.
        """
        deployment = self._deployment(bundle.name)
        self.registry.check(bundle)
        version = load(self._make(bundle))
        before = deployment.choose()
        self.registry.register(bundle)
        self.registry.promote(bundle.name, bundle.digest)
        self._follow(bundle.name, version)
        return before

    def promote(self, model: str, wanted: str, **change: Unpack[Change]) -> Version:
        """Let a version answer here at once, and wherever else within a second.

        Args:
            change: as `Registry.promote` takes it.

        Raises:
            SetupError: no model of this name is served here.
            PodiumError: it can't be loaded, or as `Registry.promote` has it; nothing changes.
        """
        loaded = self._load_wanted(model, wanted)
        version = self.registry.promote(model, loaded.digest, **change)
        self._follow(model, loaded)
        return version

    def rollback(self, model: str, **change: Unpack[Change]) -> Version:
        """Let the version before answer again.

        Raises:
            PodiumError: as `promote`.
        """
        loaded = self._load_wanted(model, PREVIOUS)
        version = self.registry.rollback(model, **change)
        self._follow(model, loaded)
        return version

    def set_traffic(self, model: str, wanted: str, **split: Unpack[Split]) -> Rollout:
        """Let a version answer a share of the requests, or shadow them, here and wherever else.

        Args:
            split: as `Registry.set_traffic` takes it.

        Raises:
            SetupError: no model of this name is served here.
            PodiumError: it can't be loaded, or as `Registry.set_traffic` has it; nothing changes.
        """
        is_shadow = split.get("mode") == "shadow"  # it isn't loaded here
        loaded = [] if is_shadow else [self._load_wanted(model, wanted)]
        rollout = self.registry.set_traffic(model, wanted, **split)
        self._follow(model, *loaded)
        return rollout

    def stop(self, model: str, *, actor: str = "", note: str = "") -> None:
        """Let the champion alone answer, here and wherever else.

        Raises:
            PodiumError: as `Registry.stop` has it.
        """
        self._deployment(model)
        self.registry.stop(model, actor=actor, note=note)
        self._follow(model)

    def start(self) -> None:
        """Load the challengers, once the champions are, and begin to follow the registry."""
        for name in self._deployments:
            self._follow(name)
        if not self._thread.is_alive():
            self._thread.start()

    def close(self) -> None:
        """Follow no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.registry.close()

    def _deployment(self, model: str) -> Deployment:
        if model not in self._deployments:
            known = ", ".join(self._deployments)
            raise SetupError(f"no model is called {model!r}", hint=f"known: {known}")
        return self._deployments[model]

    def _load_wanted(self, model: str, wanted: str) -> LoadedVersion:
        return self._load_checked(
            self._deployment(model).traffic, self.registry.find(model, wanted)
        )

    def _set_initial_traffic(self, deployment: Deployment) -> None:
        """Divide the first requests as those before; the challenger is loaded later."""
        try:
            live = self.registry.live(deployment.name)
            if live.rollout is not None and live.challenger is not None:
                challenger = self._find_or_make(deployment.traffic, live.challenger)
                deployment.traffic = _traffic(deployment.choose(), challenger, None, live)
        except PodiumError as error:
            _log_failure("challenger_not_loaded", deployment.name, error)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            change = self.registry.change
            if change is None and self._change is not None:
                self._log_loss("registry", RegistryError("its file can't be read any more"))
            # What can't be read now is read at the next look.
            elif change != self._change and all(map(self._follow, self._deployments)):
                self._change = change
            elif change == self._change:
                self._is_lost = False

    def _log_loss(self, name: str, error: RegistryError) -> None:
        """Go on with what is served; the log says why once, not ten times a second."""
        if not self._is_lost:
            _log_failure("versions_not_followed", name, error)
        self._is_lost = True

    def _follow(self, name: str, *loaded: LoadedVersion) -> bool:
        """Serve what the registry says, where it can be loaded; returns whether it could be read.

        Args:
            loaded: versions that needn't be loaded any more.
        """
        deployment = self._deployments[name]
        try:
            while (live := self.registry.live(name)).epoch != self._epochs.get(name, 0):
                before = deployment.traffic
                new = self._next_traffic(before, live, loaded)
                with self._lock:
                    if deployment.traffic is not before:
                        continue  # somebody was faster
                    if new is not None:
                        deployment.publish(new)
                        self._served |= {one.digest for one in (before.champion, *new.answering)}
                        self._failures.pop(name, None)
                        self._when_changed(deployment)
                    # Last: where the change is found to be followed, its shadow runs.
                    self._epochs[name] = live.epoch
        except RegistryError as error:
            self._log_loss(name, error)
            return False
        self._is_lost = False
        return True

    def _next_traffic(
        self, before: Traffic, live: Live, loaded: Sequence[LoadedVersion]
    ) -> Traffic | None:
        """What is to be served; None where the champion can't be loaded: nothing changes then."""
        champion: LoadedVersion | None = before.champion
        if live.promoted is not None:
            champion = self._load_or_log(before, live.promoted, loaded, "version_not_swapped")
        if champion is None or not champion.is_loaded:
            return None
        challenger = None
        if live.rollout is not None and live.challenger is not None:
            event = "challenger_not_loaded"
            if live.rollout.mode == "canary":
                challenger = self._load_or_log(before, live.challenger, loaded, event)
            else:
                challenger = self._try(event, self._find_or_make, before, live.challenger)
        previous = before.previous if champion is before.champion else before.champion
        return _traffic(champion, challenger, previous, live)

    def _load_or_log(
        self, before: Traffic, version: Version, loaded: Sequence[LoadedVersion], event: str
    ) -> LoadedVersion | None:
        """A version that can answer; None, and a line in the log, where it can't be loaded."""
        for one in loaded:
            if one.digest == version.digest:
                return one
        return self._try(event, self._load_checked, before, version)

    def _try(
        self,
        event: str,
        get: Callable[[Traffic, Version], LoadedVersion],
        before: Traffic,
        version: Version,
    ) -> LoadedVersion | None:
        try:
            return get(before, version)
        except Exception as error:  # noqa: BLE001 - a model's library may raise anything
            _log_failure(event, version.model, error)
            return None

    def _load_checked(self, before: Traffic, version: Version) -> LoadedVersion:
        made = self._find_or_make(before, version)
        if not made.is_loaded and version.digest not in self._served:
            self.registry.check(made.bundle)
        return load(made)

    def _find_or_make(self, before: Traffic, version: Version) -> LoadedVersion:
        """The version, of those that are there where it is one of them; it may not be loaded."""
        challenger = before.challenger
        if challenger is not None and challenger.digest == version.digest:
            return challenger
        return before.find(version.digest) or self._make(self.registry.bundle(version))


def _traffic(
    champion: LoadedVersion,
    challenger: LoadedVersion | None,
    previous: LoadedVersion | None,
    live: Live,
) -> Traffic:
    rollout = live.rollout
    if rollout is None or challenger is None or challenger.digest == champion.digest:
        return Traffic(champion, previous=previous, epoch=live.epoch)
    return Traffic(
        champion,
        challenger,
        previous,
        share=rollout.share,
        mode=rollout.mode,
        key=rollout.key,
        rollout=rollout.id,
        epoch=live.epoch,
    )


def _log_failure(event: str, model: str, error: Exception) -> None:
    _log.error("%s: %s: %s", event, model, error, extra={"model": model})
