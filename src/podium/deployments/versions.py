"""Versions that change while requests run: here, and wherever else the registry is looked at."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, MutableMapping

from podium.bundle import Bundle
from podium.deployments.deployment import Deployment
from podium.deployments.registry import PREVIOUS, Registry, Version
from podium.errors import PodiumError, SetupError
from podium.flow.version import LoadedVersion

LOOK_S = 0.1
_log = logging.getLogger("podium")


def adopted(registry: Registry, bundle: Bundle) -> Bundle:
    """What answers where a server is started with a bundle: it, or the version promoted since.

    A registry that can't be used leaves the bundle that was given.
    """
    try:
        champion = registry.adopt(bundle)
        return bundle if champion.digest == bundle.digest else registry.bundle(champion)
    except PodiumError as error:
        _log.error("versions_not_kept: %s: %s", bundle.name, error, extra={"model": bundle.name})
        return bundle


class Versions:
    """Promotes versions of the models that are served here, and follows those who do elsewhere.

    A thread looks for changes of the registry, ten times a second. A version is loaded before it
    takes the place of another; one that can't be loaded changes nothing.

    Args:
        load: makes a loaded version of a bundle.
        failures: why models can't be loaded, by name; one that answers again is taken out.
    """

    def __init__(
        self,
        registry: Registry,
        deployments: Mapping[str, Deployment],
        load: Callable[[Bundle], LoadedVersion],
        failures: MutableMapping[str, Exception],
    ) -> None:
        self.registry = registry
        self._deployments = deployments
        self._load = load
        self._failures = failures
        self._change: object = None
        self._refused: dict[str, str] = {}  # digests that couldn't be loaded, by model
        # Digests of what this process has served: a rollback to it needs no trial.
        self._loaded_before: set[str] = set()
        self._lock = threading.Lock()  # one change at a time
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="podium-versions", daemon=True)

    def swap(self, bundle: Bundle) -> LoadedVersion:
        """Register and promote a bundle; returns the version before.

        Raises:
            PodiumError: as `promote` does.
        """
        deployment = self._deployment(bundle.name)
        self.registry.check(bundle)
        version = self._load(bundle)
        with self._lock:
            self.registry.register(bundle)
            self.registry.promote(bundle.name, bundle.digest)
            return self._swapped(deployment, version)

    def promote(
        self,
        model: str,
        wanted: str,
        *,
        actor: str = "",
        note: str = "",
        expected: str | None = None,
    ) -> Version:
        """Let a version answer here at once, and wherever else within a second.

        Raises:
            SetupError: no model of this name is served here.
            PodiumError: it can't be loaded, or as `Registry.promote` has it; nothing changes.
        """
        loaded = self._loaded(model, wanted)
        with self._lock:
            version = self.registry.promote(
                model, loaded.bundle.digest, actor=actor, note=note, expected=expected
            )
            self._swapped(self._deployment(model), loaded)
        return version

    def rollback(
        self, model: str, *, actor: str = "", note: str = "", expected: str | None = None
    ) -> Version:
        """Let the version before answer again.

        Raises:
            PodiumError: as `promote`.
        """
        loaded = self._loaded(model, PREVIOUS)
        with self._lock:
            version = self.registry.rollback(model, actor=actor, note=note, expected=expected)
            if version.digest == loaded.bundle.digest:  # else somebody was faster: it is followed
                self._swapped(self._deployment(model), loaded)
        return version

    def start(self) -> None:
        """Begin to follow the registry."""
        if not self._thread.is_alive():
            self._thread.start()

    def close(self) -> None:
        """Follow no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _deployment(self, model: str) -> Deployment:
        if model not in self._deployments:
            known = ", ".join(self._deployments)
            raise SetupError(f"no model is called {model!r}", hint=f"known: {known}")
        return self._deployments[model]

    def _loaded(self, model: str, wanted: str) -> LoadedVersion:
        live = self._deployment(model).choose()
        version = self.registry.find(model, wanted)
        if live.bundle.digest == version.digest and live.is_loaded:
            return live
        bundle = self.registry.bundle(version)
        if version.digest not in self._loaded_before:
            self.registry.check(bundle)
        return self._load(bundle)

    def _swapped(self, deployment: Deployment, version: LoadedVersion) -> LoadedVersion:
        before = deployment.swap(version)
        self._loaded_before |= {before.digest, version.digest}
        self._failures.pop(version.name, None)
        return before

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            change = self.registry.change
            if change != self._change:
                self._change = change
                for name in self._deployments:
                    self._follow(name)

    def _follow(self, name: str) -> None:
        digest = self._refused.get(name, "")
        try:
            version = self.registry.promoted(name)
            digest = "" if version is None else version.digest
            if digest in ("", self._refused.get(name)):
                return
            loaded = self._loaded(name, digest)
            with self._lock:
                if (now := self.registry.promoted(name)) is not None and now.digest == digest:
                    self._swapped(self._deployment(name), loaded)
            self._refused.pop(name, None)
        except Exception as error:  # noqa: BLE001 - a model's library may raise anything
            self._refused[name] = digest  # tried again when another one is promoted
            _log.error("version_not_swapped: %s: %s", name, error, extra={"model": name})
