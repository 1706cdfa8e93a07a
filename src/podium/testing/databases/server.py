"""Real database servers for tests: private ones, on free ports, removed after the test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

READY_S = 60
STOP_S = 30
LOG_LINES = 40


class NoServer(RuntimeError):
    """The server isn't installed; the message explains how to install it."""


class DatabaseServer(ABC):
    """A server in a folder of its own, on a free port of 127.0.0.1, for a `with` block.

    If run by root, it runs as another user, because most of these servers refuse root.

    Raises:
        NoServer: it isn't installed.
        RuntimeError: it doesn't start; includes what it printed.
    """

    package: ClassVar[str]
    how_to_install: ClassVar[str]
    users: ClassVar[tuple[str, ...]]
    programs: ClassVar[tuple[str, ...]]
    stopping: ClassVar[signal.Signals] = signal.SIGTERM
    # At the end, when its folder is removed: nothing has to be written any more.
    ending: ClassVar[signal.Signals | None] = None
    folders: ClassVar[tuple[str, ...]] = ("/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin")

    def __init__(self) -> None:
        self.port = 0
        self.folder = Path()
        self._program = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Short, and open to the other user: a test's own folder may be neither.
        self.folder = Path(tempfile.mkdtemp(prefix="podium-db-"))
        if (user := self._user()) is not None:
            shutil.chown(self.folder, user)
        try:
            self._program = self._located()
            self._initialize()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop(self.ending)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The id of its first process."""
        assert self._process is not None
        return self._process.pid

    @abstractmethod
    def new_database(self) -> str:
        """The address of a new, empty database."""

    def start(self) -> None:
        """Start it, with the data it had when it was stopped, and on the same port."""
        self.port = self.port or free_port()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                restore_signals=False,  # a write beyond `limit_files` fails and ends nothing
                **self._as_user(),
            )
        until_s = time.monotonic() + READY_S
        while time.monotonic() < until_s and self._process.poll() is None:
            if self._is_ready():
                return
            time.sleep(0.02)
        log_lines = self._log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:]
        raise RuntimeError("\n".join([f"{self.package} doesn't start:", *log_lines]))

    def stop(self, sent: signal.Signals | None = None) -> None:
        """Stop it, with its own stop signal or another one; SIGKILL is a crash."""
        if self._process is None:
            return
        self.resume()
        self._process.send_signal(sent or self.stopping)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def pause(self) -> None:
        """Suspend all its processes, so that connections stay open without responses."""
        self._signal(signal.SIGSTOP)
        # The threads of a process stop one after the other: until then it may still respond.
        until_s = time.monotonic() + STOP_S
        while _runs(self.pid) and time.monotonic() < until_s:
            time.sleep(0.001)

    def resume(self) -> None:
        """Resume its processes."""
        self._signal(signal.SIGCONT)

    def limit_files(self, n_bytes: int | None) -> None:
        """Let it extend no file beyond this size, as on a full disk; None for any size. Linux."""
        limit = "unlimited" if n_bytes is None else n_bytes
        for pid in (self.pid, *_children_of(self.pid)):
            # As its user: nobody else may without being privileged.
            try:
                self._run("prlimit", "--pid", str(pid), f"--fsize={limit}:unlimited")
            except RuntimeError:
                if Path(f"/proc/{pid}").exists():  # else it ended meanwhile
                    raise

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    @abstractmethod
    def _initialize(self) -> None: ...

    @abstractmethod
    def _command(self) -> list[str]: ...

    def _signal(self, sent: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        # The first process before its children, which it would otherwise replace.
        os.kill(self.pid, sent)
        for child in _children_of(self.pid):
            with suppress(ProcessLookupError):  # it ended meanwhile, as those of PostgreSQL do
                os.kill(child, sent)

    def _run(self, *command: str | Path) -> None:
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, check=False, **self._as_user()
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{(done.stdout + done.stderr).decode()}")

    @abstractmethod
    def _is_ready(self) -> bool: ...

    def _user(self) -> str | None:
        if os.geteuid() != 0:
            return None
        users = {one.pw_name for one in pwd.getpwall()}
        return next(name for name in (*self.users, "nobody") if name in users)

    def _as_user(self) -> dict[str, Any]:
        user = self._user()
        if user is None:
            return {}
        return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}

    def _located(self) -> Path:
        """The server's program."""
        return self._find_program(*self.programs)

    def _find_program(self, *names: str) -> Path:
        path = os.pathsep.join([os.environ.get("PATH", ""), *self.folders])
        path_found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
        if path_found is None:
            raise NoServer(f"{self.package} isn't installed: {self.how_to_install}")
        return Path(path_found).resolve()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _children_of(pid: int) -> list[int]:
    """The children of a process, if the system lists them (Linux)."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in path.read_text().split()] if path.exists() else []


def _runs(pid: int) -> bool:
    """Whether a thread of a process hasn't been stopped yet (Linux)."""
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return any(one.rpartition(")")[2].split()[0] not in "TtZX" for one in stats)
