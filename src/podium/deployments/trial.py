"""A trial: a bundle is loaded and called in a process of its own, before a worker loads it.

What hangs there, or ends the process, or takes all memory, touches nothing that serves requests. A
bundle that passed is remembered in a file beside its copy, so that it is tried once for each
version of Podium and of the libraries that it was packed with.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from podium.bundle.archive import MAX_BYTES
from podium.distribution import NAME
from podium.errors import UnusableVersion
from podium.runtimes.versions import installed

if TYPE_CHECKING:
    from podium.bundle import Bundle

# What runs no code of its author's: all that an uploaded bundle may hold.
UPLOADABLE = ("onnx", "program", "skops")
# The code of a function is on this machine already, and belongs to whoever runs the server.
_OF_THE_OPERATOR = "python"
_HINT = "pack the model again, and try it with podium predict before you register it"
_SECRETS = "PODIUM_"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class TrialLimits:
    """What the process of a trial may use.

    Attributes:
        memory_bytes: of address space, besides eight times the size of the bundle.
        unpacked_bytes: that the bundle may unpack to, besides a hundred times its size. Forests
            shrink to a fifth, hardly any model to a hundredth.
        file_bytes: how long a file may get that it writes.
        cpu_s: on all cores together.
        wall_s: from its start to its end.
    """

    memory_bytes: int = 4 << 30
    unpacked_bytes: int = 64 << 20
    file_bytes: int = 1 << 20
    cpu_s: int = 60
    wall_s: float = 120.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is to do, on its standard input.

    Attributes:
        trust: `sha256:...` digests of pickles that may be loaded.
        runtimes: those that may be loaded; empty for all.
    """

    path: str
    trust: tuple[str, ...]
    runtimes: tuple[str, ...]
    memory_bytes: int
    unpacked_bytes: int
    file_bytes: int
    cpu_s: int
    wall_s: float


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a bundle that was loaded and called.

    Attributes:
        name: of the model.
        version: as the bundle names it.
        load_s: seconds from the file to a model that can be called.
        call_s: seconds of a call with the examples; 0 where it wasn't called.
        n_rows: of that call.
        libraries: the versions here of those that it was packed with, and of Podium and Python.
    """

    name: str
    version: str
    digest: str
    load_s: float
    call_s: float
    n_rows: int
    libraries: dict[str, str]


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """Why a bundle can't be used."""

    message: str
    hint: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the process reports, in one line: one of the two."""

    passed: Passed | None = None
    failed: Failed | None = None


_REPORT = msgspec.json.Decoder(Report)
_PASSED = msgspec.json.Decoder(Passed)


def require(bundle: Bundle, cache: Path, trust: Collection[str]) -> None:
    """Return if a bundle can be used here, as far as a trial can tell.

    Functions aren't tried: their code is the server's own, and not in the bundle.

    Args:
        cache: the file in which a trial that was passed is remembered.
        trust: `sha256:...` digests of pickles that may be loaded.

    Raises:
        UnusableVersion: it can't be loaded, or doesn't answer its examples.
    """
    if bundle.path is None or bundle.runtime_name == _OF_THE_OPERATOR:
        return
    if is_cached(cache, bundle.digest, bundle.card.libraries):
        return
    passed = try_bundle(bundle.path, trust=trust)
    if passed.digest != bundle.digest:
        raise UnusableVersion("the bundle was replaced since it was opened", hint="open it again")
    cache_result(cache, passed)


def try_bundle(
    path: Path,
    *,
    trust: Collection[str] = (),
    runtimes: tuple[str, ...] = (),
    limits: TrialLimits = TrialLimits(),
) -> Passed:
    """Load a bundle and let it answer its examples, in a process of its own.

    Args:
        trust: `sha256:...` digests of pickles that may be loaded.
        runtimes: those that may be loaded; empty for all.

    Raises:
        UnusableVersion: it can't be loaded, or doesn't answer; the message never names its path.
    """
    try:
        n_bytes = path.stat().st_size
    except OSError as error:
        raise UnusableVersion(f"the bundle can't be read: {error.strerror}") from error
    order = Order(
        path=str(path.absolute()),
        trust=tuple(trust),
        runtimes=runtimes,
        memory_bytes=limits.memory_bytes + 8 * n_bytes,
        unpacked_bytes=min(limits.unpacked_bytes + 100 * n_bytes, MAX_BYTES),
        file_bytes=limits.file_bytes,
        cpu_s=limits.cpu_s,
        wall_s=limits.wall_s,
    )
    report = _run_process(order)
    if report.passed is not None:
        return report.passed
    failed = report.failed or Failed(message="the trial reported nothing")
    message, hint = failed.message.replace(order.path, "the file"), failed.hint or _HINT
    raise UnusableVersion(message, hint=hint.replace(order.path, "FILE"))


def environment(libraries: Mapping[str, str]) -> dict[str, str]:
    """The versions here of Podium, of Python, and of these libraries."""
    here = {name: installed(name) for name in (NAME, *libraries)}
    return {"python": sys.version.partition(" ")[0], **here}


def cache_result(cache: Path, passed: Passed) -> None:
    """Write down that a trial was passed; where that fails, it is tried again another time."""
    part = cache.with_name(f".{cache.name}.{os.getpid()}.tmp")
    try:
        cache.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.write_bytes(msgspec.json.encode(passed))
        part.replace(cache)
    except OSError:
        part.unlink(missing_ok=True)


def is_cached(cache: Path, digest: str, libraries: Mapping[str, str]) -> bool:
    """Whether a trial was passed with the libraries that are installed here now.

    Args:
        libraries: those that the bundle with this digest was packed with.
    """
    try:
        passed = _PASSED.decode(cache.read_bytes())
    except (OSError, msgspec.DecodeError):
        return False
    return passed.digest == digest and passed.libraries == environment(libraries)


def _run_process(order: Order) -> Report:
    process = subprocess.Popen(
        [interpreter(), "-P", "-m", "podium.deployments.trial_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(msgspec.json.encode(order), timeout=order.wall_s)
    except subprocess.TimeoutExpired:
        return Report(failed=_failed(f"it took longer than {order.wall_s:g} s to load and answer"))
    finally:
        end_group(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
    try:
        return _REPORT.decode(output)
    except msgspec.DecodeError:
        return Report(failed=_failed(_exit_reason(process.returncode, order)))


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind of a process with a session of its own, nor of what it started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _exit_reason(code: int, order: Order) -> str:
    if code == -getattr(signal, "SIGXCPU", 0):
        return f"it took more than {order.cpu_s} s of computing to load and answer"
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return f"it ended the process that loaded it, {how}"


def _failed(message: str) -> Failed:
    return Failed(message=message)


def child_environment() -> dict[str, str]:
    """The environment of a child: that of this process, which finds the same modules, without what is secret in Podium's."""
    variables = {name: text for name, text in os.environ.items() if not name.startswith(_SECRETS)}
    variables |= dict.fromkeys(_THREADS, "1")
    return variables | {"PYTHONPATH": os.pathsep.join(one or str(Path.cwd()) for one in sys.path)}


def interpreter() -> str:
    """The interpreter; a server that embeds Python may name itself as that.

    Raises:
        UnusableVersion: there is none.
    """
    named = Path(sys.executable or "python")
    candidates = [
        named,
        Path(sys.exec_prefix, "bin", "python3"),
        Path(sys.exec_prefix, "python.exe"),
    ]
    for one in candidates:
        if one.name.startswith("python") and one.is_file():
            return str(one)
    raise UnusableVersion(
        "no Python interpreter was found that could try the version",
        hint="register and promote it with the podium command",
    )
