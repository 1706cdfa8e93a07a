"""Fleets, as the one who deploys them sees them: started, looked at, changed and stopped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from podium.bundle import Bundle
from podium.errors import NotFound, SetupError, UnusableVersion
from podium.ray.cluster import FleetStore, connect, nodes
from podium.ray.keeper import Keeper, keeper_name
from podium.ray.state import NAME, NAMES, NAMESPACE, Plan, Rolled, ServerState
from podium.settings import Settings, check_models, check_switches, read_settings
from podium.sources import Source, bundles_of

LOOK_S = 0.2


class Fleet:
    """A fleet that runs: a server on every node of a cluster.

    It needs no process of the one who started it, and goes on until `stop` is called.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._kept = FleetStore(name)

    def servers(self) -> list[ServerState]:
        """How its servers are, in the order of their addresses.

        Raises:
            NotFound: the fleet was stopped.
        """
        found: list[ServerState] = self._call("states", n_retries=-1)
        return found

    def wait(self, seconds: float = 120.0) -> list[ServerState]:
        """Wait until each server is ready or can't start, but not longer; returns how they are."""
        until_s = time.monotonic() + seconds
        while True:
            states = self.servers()
            is_settled = all(one.status in ("ready", "degraded", "failed") for one in states)
            if (states and is_settled) or time.monotonic() > until_s:
                return states
            time.sleep(LOOK_S)

    def promote(self, bundle: Source, *, note: str = "") -> tuple[str, ...]:
        """Let a version answer, on one server after the other; returns their addresses.

        Servers that start later have it from the beginning. At the first that can't serve it, those
        that were changed go back to the version before.

        Args:
            bundle: a bundle or its file, of a model that the fleet serves.
            note: why, for the log of changes of each server.

        Raises:
            NotFound: the fleet doesn't serve this model.
            UnusableVersion: a server couldn't serve it, or it refuses what the version before accepts.
        """
        plan = self._plan()
        new = _opened(bundle, plan)
        self._kept.add_bundle(new.digest, _content(new))
        rolled: Rolled = self._call("roll", new.name, new.digest, note)
        if rolled.failed:
            raise UnusableVersion(
                f"{rolled.failed} can't serve {new.name} {new.version}: {rolled.reason}",
                hint=_whereabouts(rolled),
            )
        return rolled.changed

    def stop(self) -> None:
        """Stop every server, after its requests in progress; their homes stay."""
        import ray

        self._call("stop", n_retries=-1)
        ray.kill(self._keeper(), no_restart=True)

    def _plan(self) -> Plan:
        plan = self._kept.plan()
        if plan is None:
            raise _unknown(self.name)
        return plan

    def _keeper(self) -> Any:
        import ray

        try:
            return ray.get_actor(keeper_name(self.name), namespace=NAMESPACE)
        except ValueError as error:
            raise _unknown(self.name) from error

    def _call(self, method: str, *arguments: Any, n_retries: int = 0) -> Any:
        """Call a method of the keeper.

        Args:
            n_retries: how often, if the keeper ends meanwhile and starts again; -1 for any number.
        """
        import ray

        called = getattr(self._keeper(), method).options(max_task_retries=n_retries)
        try:
            return ray.get(called.remote(*arguments))
        except ray.exceptions.ActorUnavailableError as error:
            raise SetupError(
                f"the keeper of the fleet {self.name!r} ended meanwhile, and starts again",
                hint="look with podium deploy --ray --status what the servers serve, and try again",
            ) from error
        except ray.exceptions.RayActorError as error:
            raise SetupError(
                f"the keeper of the fleet {self.name!r} can't be reached: {error}",
                hint="every node needs the same Podium and Python as this machine",
            ) from error


def fleet(
    *models: Source,
    name: str = NAME,
    address: str | None = None,
    cpus: float | None = None,
    settings: Settings | None = None,
    wait_s: float = 120.0,
    **flags: Any,
) -> Fleet:
    """Serve models on every node of a Ray cluster, and on those that join it later.

    Args:
        models: bundles, their files, or folders of them; those of the settings where left out.
        name: of the fleet; several can run in one cluster, at ports of their own.
        address: of the cluster; by default `RAY_ADDRESS`, or the one that runs on this machine.
        cpus: that Ray reserves for a server, and a node must have; as many as workers by default.
        settings: a complete Settings; by default made from `podium.toml`, `PODIUM_*` and `flags`.
        wait_s: how long to wait for the servers; they start later, too.
        flags: single settings, by name. `host` is each node's own address unless it is given.

    Raises:
        MissingExtra: Ray isn't installed.
        SetupError: there is no cluster, a setting or a model can't be used, the fleet runs already, or
            none of its servers can start.
    """
    settings = settings or read_settings(flags)
    _check(name, settings)
    bundles = bundles_of(models or settings.models, Path(settings.home), settings.trust)
    check_models(settings, [one.name for one in bundles])
    plan = Plan(
        settings=_changed(settings),
        models={one.name: one.digest for one in bundles},
        port=settings.port,
        cpus=settings.workers if cpus is None else cpus,
    )
    connect(address)
    if not nodes(plan.cpus):
        raise SetupError(
            f"no node of the cluster has {plan.cpus:g} cores", hint="choose fewer with --cpus"
        )
    _start(name, plan, bundles)
    started = Fleet(name)
    states = started.wait(wait_s)
    if all(one.status == "failed" for one in states):
        started.stop()
        raise SetupError(
            f"no server of the fleet can start. {states[0].address}: {states[0].reason}"
            if states
            else "no server of the fleet can start"
        )
    return started


def running(name: str = NAME, *, address: str | None = None) -> Fleet:
    """The fleet of this name.

    Raises:
        MissingExtra: Ray isn't installed.
        SetupError: there is no cluster.
        NotFound: no fleet has this name.
    """
    connect(address)
    if FleetStore(name).plan() is None:
        raise _unknown(name)
    return Fleet(name)


def _start(name: str, plan: Plan, bundles: Sequence[Bundle]) -> None:
    import ray

    kept = FleetStore(name)
    if kept.plan() is not None:
        raise SetupError(
            f"a fleet called {name!r} runs already",
            hint=f"podium deploy --ray --name {name} --stop, or choose another --name and --port",
        )
    for one in bundles:
        kept.add_bundle(one.digest, _content(one))
    kept.set_plan(plan)
    ray.remote(Keeper).options(
        name=keeper_name(name),
        namespace=NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        max_restarts=-1,
        max_concurrency=8,
        num_cpus=0,
        # Without the head there is no cluster, so it lives as long as that.
        resources={"node:__internal_head__": 0.001},
    ).remote(name)


def _check(name: str, settings: Settings) -> None:
    """Refuse what can't work for several servers."""
    accounts = settings.accounts
    if not NAMES.fullmatch(name):
        raise SetupError(
            f"{name!r} can't be the name of a fleet", hint="use a-z, 0-9 and -, 41 letters at most"
        )
    if not (settings.open or accounts.enabled):
        raise SetupError(
            "other machines reach the servers of a fleet, and there are no accounts",
            hint="let people log in with --accounts, or allow everybody with --open",
        )
    if accounts.enabled and not (accounts.database and accounts.secret_key):
        raise SetupError(
            "each server of the fleet would have accounts of its own",
            hint="set database and secret_key in [accounts], so that they share them",
        )
    if settings.versions:
        raise SetupError(
            "[versions] is set, but a fleet says itself which version answers",
            hint="leave it out, and change versions with podium deploy --ray --promote FILE",
        )
    if not 0 < settings.port < 65_000:
        raise SetupError("a fleet needs a port that is the same on every node", hint="--port 8000")
    check_switches(settings, has_people=False, is_local=False)


def _changed(settings: Settings) -> dict[str, Any]:
    """The settings that differ from their defaults; `host` only where other machines can reach it."""
    usual = msgspec.to_builtins(Settings())
    own = {"models", "port"}
    values: dict[str, Any] = msgspec.to_builtins(settings)
    return {name: one for name, one in values.items() if one != usual[name] and name not in own}


def _opened(source: Source, plan: Plan) -> Bundle:
    settings = read_settings(plan.settings)
    (bundle,) = bundles_of([source], Path(settings.home), settings.trust)
    if bundle.name not in plan.models:
        raise NotFound(
            f"the fleet serves no model called {bundle.name!r}",
            hint=f"known: {', '.join(plan.models)}",
        )
    return bundle


def _content(bundle: Bundle) -> bytes:
    """The file of a bundle."""
    if bundle.path is None:
        raise SetupError(f"{bundle.name} is in no file", hint="pack it with path=, and pass that")
    return bundle.path.read_bytes()


def _whereabouts(rolled: Rolled) -> str:
    """Which version the servers have after a change that failed."""
    back = ", ".join(one for one in rolled.changed if one not in rolled.stuck)
    stuck = "".join(f"; {one} didn't yet: {why}" for one, why in rolled.stuck.items())
    went = f". {back or 'No server'} went back{stuck}" if rolled.changed else ""
    return f"the fleet keeps the version before{went}"


def _unknown(name: str) -> NotFound:
    return NotFound(f"no fleet is called {name!r}", hint="podium deploy --ray MODELS starts one")
