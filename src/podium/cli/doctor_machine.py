"""What `podium doctor` finds about the machine: port, folder, disk, clock, memory, limits."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import stat
import sys
import tempfile
import time
import zoneinfo
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import apsw

from podium.cli.doctor_setup import Finding, State
from podium.distribution import install_command
from podium.hosts.server.serving import free_port
from podium.settings import Settings

MIB = 2**20
DISK_WARNING, DISK_BAD = 1024 * MIB, 100 * MIB
INODES_WARNING, INODES_BAD = 10_000, 200
MEMORY_WARNING = 512 * MIB
FILES_WARNING, FILES_BAD = 1_024, 128
SKEW_S = 2.0
# SQLite's WAL needs memory that processes share, which these file systems don't have.
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph"})


def machine_findings(settings: Settings) -> Iterator[Finding]:
    """What is wrong with the machine, for a server with these settings."""
    yield _port(settings)
    home = Path(settings.home)
    folder = _existing(home)
    yield from _folder(home, folder)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        yield from _sqlite(folder)
        with suppress(OSError):  # as `_sqlite` has said
            yield _clock(folder)
    yield _disk(folder)
    yield from _inodes(folder)
    yield _zones()
    yield _memory()
    yield from _files()


def _port(settings: Settings) -> Finding:
    host, port = settings.host.strip("[]"), settings.port
    if not port:
        return Finding("port", "good", "the system chooses a free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            text = f"{host}:{port} can't be used: {error.strerror}"
            return Finding("port", "bad", text, "ports below 1024 are the system's: --port 8000")
        except (OSError, OverflowError) as error:
            text = f"{host}:{port} can't be used: {getattr(error, 'strerror', error)}"
            if _is_podium(host, port):
                return Finding("port", "good", f"Podium serves at {host}:{port} already")
            free = free_port(host, port + 1, family)
            advice = f"stop the program that listens there, or use --port {free}"
            return Finding("port", "bad", text, advice if free else "choose another --host")
    return Finding("port", "good", f"{host}:{port} is free")


def _is_podium(host: str, port: int) -> bool:
    """Whether a server of ours listens there; one with HTTPS isn't recognized."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().read(100) == b'{"status":"alive"}'
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def _folder(home: Path, folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding("home", "bad", f"{folder} is a file", "choose another folder with --home")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        text = f"{folder} isn't writable for this user"
        yield Finding(
            "home", "bad", text, f"chown it to the user of the server: chown -R USER {folder}"
        )
        return
    if not home.exists():
        yield Finding("home", "good", f"{home} is made in {folder} when the server starts")
        return
    seen = home.stat()
    if hasattr(os, "getuid") and seen.st_uid != os.getuid():
        text = f"{home} belongs to the user {seen.st_uid}, and not to this one, {os.getuid()}"
        yield Finding("home", "warning", text, "run the server and podium doctor as the same user")
    elif stat.S_IMODE(seen.st_mode) & 0o077:
        text = f"{home} can be read by others on this machine: mode {stat.S_IMODE(seen.st_mode):o}"
        yield Finding("home", "warning", text, f"chmod 700 {home}")
    else:
        yield Finding("home", "good", f"{home} is writable, for its owner alone")


def _sqlite(folder: Path) -> Iterator[Finding]:
    """Two connections to a file in WAL mode, in a folder that is removed again."""
    text, kind = f"SQLite {apsw.sqlite_lib_version()}", _file_system(folder)
    if kind in _REMOTE:
        advice = "put --home on a local disk, or records into a database: --store postgresql://..."
        yield Finding("sqlite", "bad", f"{text}; {folder} is on a network, {kind}", advice)
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".podium-doctor-", dir=folder) as place:
            mode = _wal(Path(place) / "try.db")
    except (apsw.Error, OSError) as error:
        advice = "put --home on another disk"
        yield Finding("sqlite", "bad", f"{text} can't write to {folder}: {error}", advice)
        return
    if mode == "wal":
        yield Finding("sqlite", "good", f"{text}, with WAL on {kind or 'this file system'}")
    else:
        advice = "put --home on a local disk"
        yield Finding("sqlite", "bad", f"{text}: no WAL on {kind or folder}, but {mode}", advice)


def _wal(path: Path) -> str:
    """The journal mode that a file gets; another connection reads what one wrote."""
    writer = apsw.Connection(str(path))
    reader = apsw.Connection(str(path))
    try:
        mode = str(writer.pragma("journal_mode", "wal"))
        writer.execute("create table t (x); insert into t values (1)")
        return mode if reader.execute("select x from t").get == 1 else "unreadable"
    finally:
        reader.close()
        writer.close()


def _file_system(folder: Path) -> str:
    """The type of a folder's file system; "" where the system doesn't say."""
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    where, best, kind = str(folder.resolve()), "", ""
    for line in lines:
        _, at, found, *_ = line.split(" ")
        at = at.encode().decode("unicode_escape")
        is_inside = where == at or where.startswith(at.rstrip("/") + "/")
        if is_inside and len(at) >= len(best):
            best, kind = at, found
    return kind


def _clock(folder: Path) -> Finding:
    """The clock of this machine against that of the file system, which may be another's."""
    with tempfile.NamedTemporaryFile(prefix=".podium-doctor-", dir=folder) as file:
        before = time.time()
        os.utime(file.fileno())
        skew_s = os.fstat(file.fileno()).st_mtime - before
    installed = Path(__file__).stat().st_mtime
    now = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    if abs(skew_s) > SKEW_S:
        text = f"the file system's clock differs from this machine's by {skew_s:.1f} s"
        return Finding("clock", "warning", text, "let both follow NTP")
    if time.time() < installed - 86_400:
        text = f"it is {now} here, before Podium was installed"
        return Finding("clock", "warning", text, "set the clock: records and tokens have times")
    return Finding("clock", "good", f"it is {now} here, and on the disk as well")


def _disk(folder: Path) -> Finding:
    free, total = shutil.disk_usage(folder).free, shutil.disk_usage(folder).total
    text = f"{free / MIB / 1024:,.1f} of {total / MIB / 1024:,.1f} GiB are free at {folder}"
    advice = "make room, or limit the records with --keep-days"
    state = _level(free, DISK_WARNING, DISK_BAD)
    return Finding("disk", state, text, "" if state == "good" else advice)


def _inodes(folder: Path) -> Iterator[Finding]:
    if not hasattr(os, "statvfs"):
        return
    seen = os.statvfs(folder)
    if not seen.f_files:  # file systems that make them as they need them
        return
    state = _level(seen.f_favail, INODES_WARNING, INODES_BAD)
    text = f"{seen.f_favail:,} more files fit on the disk"
    yield Finding("inodes", state, text, "" if state == "good" else "delete small files there")


def _zones() -> Finding:
    if "Europe/Berlin" in zoneinfo.available_timezones():
        return Finding("time zones", "good", f"known; this machine is in {time.tzname[0]}")
    text = "this machine knows no time zones; fields with one can't be read"
    return Finding("time zones", "warning", text, install_command("zones"))


def _memory() -> Finding:
    """What this process may use: of the machine, its container and its limits the least."""
    text = _read(Path("/sys/fs/cgroup/memory.max"))
    limits = [(int(text), "the container's limit")] if text.isdigit() else []
    limits += [
        (int(line.split()[1]) * 1024, "available on this machine")
        for line in _read(Path("/proc/meminfo")).splitlines()
        if line.startswith("MemAvailable:")
    ]
    if sys.platform != "win32":
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        limits += [(soft, "the limit of processes, ulimit -v")] if soft != -1 else []
    if not limits:
        return Finding("memory", "good", "the system doesn't say how much there is")
    least, words = min(limits)
    state = _level(least, MEMORY_WARNING, 0)
    advice = "a process with two models of scikit-learn takes some 200 MiB; use fewer --workers"
    text = f"{least / MIB:,.0f} MiB: {words}"
    return Finding("memory", state, text, "" if state == "good" else advice)


def _files() -> Iterator[Finding]:
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        yield Finding("open files", "good", "no limit")
        return
    state = _level(soft, FILES_WARNING, FILES_BAD)
    advice = f"each connection is one; raise it: ulimit -n {min(hard, 65_536) if hard > 0 else 65_536}, or LimitNOFILE of systemd"
    text = f"a process may have {soft:,} open"
    yield Finding("open files", state, text, "" if state == "good" else advice)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _level(value: float, warning: float, bad: float) -> State:
    return "bad" if value < bad else "warning" if value < warning else "good"
