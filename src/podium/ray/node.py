"""The actor of a node: one server on its own port, started again whenever it ends.

One thread starts the server, probes it and starts it again: the server ends with that thread, and so
with the actor. Calls of Ray only read what that thread found, and change versions.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path

from podium.app import create_home
from podium.bundle import load
from podium.deployments.registry import Registry
from podium.deployments.rows import CHAMPION, PREVIOUS
from podium.errors import PodiumError, SetupError
from podium.ray.cluster import FleetStore
from podium.ray.process import Process
from podium.ray.state import Order, Plan, ServerState
from podium.settings import Settings, read_settings

LOOK_S = 0.25
# Between a start that failed and the next: doubled each time.
PAUSE_S, PAUSE_MAX_S = 0.25, 10.0
STEADY_S = 60.0
# Its own supervisor replaces a worker that hangs; this is for what doesn't respond as a whole.
SILENT_S = 60.0
# Its workers look at the registry ten times a second.
FOLLOW_S = 20.0
SEEN = 4
_UNFOLLOWED = "version_not_swapped"


class NodeServer:
    """Runs the server of a node.

    Args:
        fleet: its name.
        node: the id of the node in Ray.
        host: the node's IP address.
        port: where the server listens.
    """

    def __init__(self, fleet: str, node: str, host: str, port: int) -> None:
        self._kept = FleetStore(fleet)
        self._fleet, self._port, self._host = fleet, port, host
        self._process: Process | None = None
        self._stop = threading.Event()
        self._changes = threading.Lock()  # of versions, one at a time
        self._state = ServerState(node=node, address=f"http://{host}:{port}", status="starting")
        threading.Thread(target=self._run, name="podium-server", daemon=True).start()

    def health(self) -> ServerState:
        """How the server is, as it was seen a moment ago."""
        return self._state

    def follow(self, model: str, digest: str, note: str) -> str:
        """Let a version answer; returns why it can't, or "" once it does."""
        if self._process is not None:
            self._process.forget()
        try:
            with self._changes:
                settings = self._settings(self._plan())
                registry = Registry(_home(settings), settings.trust)
                self._promote(registry, model, digest, note)
                name = registry.find(model, digest).name
        except (PodiumError, OSError) as error:
            return _reason(error)
        return self._wait_served(model, name)

    def stop(self) -> None:
        """End the server, after the requests in progress."""
        self._stop.set()
        if self._process is not None:
            self._process.stop()

    def _run(self) -> None:
        pause_s = PAUSE_S
        try:
            while not self._stop.is_set():
                began_s = time.monotonic()
                try:
                    reason = self._serve()
                except (PodiumError, OSError) as error:
                    reason = _reason(error)
                self._state = replace(self._state, status="failed", reason=reason, pid=0)
                pause_s = PAUSE_S if time.monotonic() - began_s > STEADY_S else pause_s
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, PAUSE_MAX_S)
        finally:
            end_unless(self._stop)

    def _serve(self) -> str:
        """Run the server until it ends; returns why it did."""
        plan = self._plan()
        settings = self._settings(plan)
        home = create_home(_home(settings))
        registry = Registry(home, settings.trust)
        with self._changes:
            for model, digest in plan.models.items():
                self._promote(registry, model, digest, "the fleet's version")
        files = (str(registry.files.path_of(digest)) for digest in plan.models.values())
        own = {"host": settings.host, "port": settings.port, "home": str(home)}
        order = Order(settings=plan.settings | own, models=tuple(files), parent=os.getpid())
        scheme = "https" if settings.tls_cert else "http"
        address = f"{scheme}://{self._host}:{self._port}"
        process = self._process = Process(order, home, address)
        n_starts = self._state.n_starts + 1
        self._state = replace(
            self._state, address=address, status="starting", pid=process.pid, n_starts=n_starts
        )
        self._watch(process, registry)
        return process.end()

    def _watch(self, process: Process, registry: Registry) -> None:
        """Look at a process until it ends, or was silent for too long."""
        heard_s = time.monotonic()
        while process.is_running and not self._stop.is_set():
            said = process.probe()
            if said is not None:
                heard_s = time.monotonic()
                status = said.get("status", "failing")
                reason = str(said.get("reason", ""))
                self._state = replace(
                    self._state,
                    status="starting" if status == "loading" else status,
                    reason=reason or ("" if status == "ready" else process.printed()),
                    versions=_versions(registry),
                )
            elif time.monotonic() - heard_s > SILENT_S:
                process.stop(at_once=True)
            self._stop.wait(LOOK_S)
        if self._stop.is_set() and process.is_running:
            process.stop()

    def _promote(self, registry: Registry, model: str, digest: str, note: str) -> None:
        """Make a version the champion of a registry, unless it is."""
        aliases = registry.aliases(model)
        if aliases.get(CHAMPION) == digest:
            return
        if aliases.get(PREVIOUS) == digest:  # back to what answered before, whatever it accepts
            registry.rollback(model, actor="ray", note=note)
            return
        if digest not in {one.digest for one in registry.versions(model)}:
            self._register(registry, digest)
        registry.promote(model, digest, actor="ray", note=note)

    def _register(self, registry: Registry, digest: str) -> None:
        content = self._kept.bundle(digest)
        if content is None:
            raise SetupError(
                f"another change dropped version {digest[:12]} meanwhile", hint="promote it again"
            )
        create_home(registry.files.folder)
        file = registry.files.folder / f"{digest}.fetched"
        file.write_bytes(content)
        try:
            bundle = load(file)
            registry.check(bundle)
            registry.register(bundle, actor="ray", note=f"distributed by the fleet {self._fleet}")
        finally:
            file.unlink()

    def _wait_served(self, model: str, name: str) -> str:
        """Wait until every worker can have followed; returns why it didn't, or "".

        Where people log in, the version isn't said here: then nothing may have been logged.
        """
        until_s, n_seen = time.monotonic() + FOLLOW_S, 0
        while (process := self._process) is not None and process.is_running:
            said = process.probe(f"/api/models/{model}")
            n_seen = n_seen + 1 if said is not None and said.get("version", name) == name else 0
            if refused := process.printed(_UNFOLLOWED):
                return refused
            if n_seen >= SEEN:
                return ""
            if time.monotonic() > until_s:
                return f"it didn't follow within {FOLLOW_S:.0f} s"
            self._stop.wait(LOOK_S)
        return "its server isn't running"

    def _plan(self) -> Plan:
        plan = self._kept.plan()
        if plan is None:
            raise SetupError(f"there is no fleet called {self._fleet!r} any more")
        return plan

    def _settings(self, plan: Plan) -> Settings:
        """The settings of this server, the node's own variables included.

        Each server of a machine has a home of its own, which the next server at its port gets.
        """
        host = plan.settings.get("host", self._host)
        given = plan.settings | {"host": host, "port": self._port}
        no_file = Path(os.devnull)  # rather than one that happens to be where Ray was started
        home = Path.home() / read_settings(given, file=no_file).home / f"{self._fleet}-{self._port}"
        return read_settings(given | {"home": str(home)}, file=no_file)


def end_unless(stop: threading.Event) -> None:
    """End an actor whose thread ended by something unforeseen: Ray logs it, and starts it again."""
    if not stop.is_set():
        traceback.print_exc()
        os._exit(1)


def _home(settings: Settings) -> Path:
    return Path(settings.home)


def _reason(error: PodiumError | OSError) -> str:
    if isinstance(error, OSError):  # a full disk, no rights
        return f"{error.filename or 'a file'} can't be used: {error.strerror}"
    return str(error)


def _versions(registry: Registry) -> dict[str, str]:
    """The champion of each model."""
    try:
        return {model: registry.aliases(model).get(CHAMPION, "") for model in registry.models()}
    except PodiumError:
        return {}
