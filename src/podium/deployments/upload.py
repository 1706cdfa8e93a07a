"""A bundle that arrives from elsewhere: a file in the home folder, tried before it is registered."""

from __future__ import annotations

import errno
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from podium.deployments.registry import Registry
from podium.deployments.rows import Version
from podium.deployments.trial import UPLOADABLE, try_bundle
from podium.deployments.version_files import VersionFiles
from podium.errors import (
    NoSpace,
    Overloaded,
    PodiumError,
    RegistryError,
    TooLarge,
    UnusableVersion,
)

# What other files of the home folder may need while a bundle arrives.
SPARE_BYTES = 64 << 20
# So many arrive, or are tried, at a time; each takes its size on the disk and a process.
UPLOADS_MAX = 2


class Upload:
    """The file in which a body arrives, a bundle or another file.

    Args:
        what: it is, in words.
        failure: makes an error of ours of one of the system's.

    Attributes:
        path: of the file; it is gone at the end, unless somebody has moved it.
        name: the name that the sender gave it; "" for none.
    """

    def __init__(
        self,
        path: Path,
        bytes_max: int,
        *,
        what: str = "bundle",
        failure: Callable[[OSError, Path], PodiumError] | None = None,
    ) -> None:
        self.path = path
        self.what = what
        self.name = ""
        self._failure = failure or _failure
        self._n_left = self._bytes_max = bytes_max
        self._file = path.open("xb", buffering=0)

    def write(self, piece: bytes) -> None:
        """Add a piece.

        Raises:
            TooLarge: there is more than may come.
            NoSpace: the disk is full.
            RegistryError: it can't be written.
        """
        self._n_left -= len(piece)
        if self._n_left < 0:
            raise TooLarge(f"the {self.what} is longer than {self._bytes_max} bytes")
        left = memoryview(piece)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise self._failure(error, self.path) from error

    @property
    def n_bytes(self) -> int:
        """How many have come."""
        return self._bytes_max - self._n_left

    def close(self) -> None:
        """Let go of the file, and remove it if it is still there."""
        self._file.close()
        self.path.unlink(missing_ok=True)


class Uploads:
    """The bundles that arrive at one process.

    Attributes:
        field: the name of the file in a form; `what` is what is sent, and `advice` how.

    Args:
        files: where they do: on the disk where they will stay.
        bytes_max: the longest.
    """

    what = field = "bundle"
    advice = "send the .podium file itself"

    def __init__(self, files: VersionFiles, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._files = files
        self._free = threading.Semaphore(UPLOADS_MAX)

    @contextmanager
    def begun(self, n_bytes: int) -> Iterator[Upload]:
        """A file for so many bytes.

        Raises:
            TooLarge: that is more than may be uploaded.
            NoSpace: they don't fit on the disk.
            Overloaded: others arrive already.
            RegistryError: it can't be written.
        """
        if n_bytes > self.bytes_max:
            raise TooLarge(
                f"the bundle is longer than the {self.bytes_max} bytes that may be uploaded",
                hint="copy it to the server, and register it there with podium register",
            )
        if not self._free.acquire(blocking=False):
            raise Overloaded("other bundles are being uploaded", hint="try again in a moment")
        try:
            upload = self._create(n_bytes)
            try:
                yield upload
            finally:
                upload.close()
        finally:
            self._free.release()

    def _create(self, n_bytes: int) -> Upload:
        path = self._files.folder / f".upload-{secrets.token_hex(8)}.tmp"
        try:
            self._files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._files.sweep()
            free = shutil.disk_usage(self._files.folder).free
            if free < n_bytes + SPARE_BYTES:
                raise NoSpace(
                    f"the bundle has {n_bytes} bytes, and the disk of the server has room for "
                    f"{max(0, free - SPARE_BYTES)}",
                    hint="free space there: podium versions --prune removes old versions",
                )
            return Upload(path, n_bytes)
        except OSError as error:
            raise _failure(error, path) from error


def accept(registry: Registry, upload: Upload, model: str, *, actor: str, note: str) -> Version:
    """Register a bundle that has arrived, once it was tried; it isn't read in this process.

    Raises:
        UnusableVersion: it is no bundle, or of another model, needs code of its author's, or can't
            be loaded or doesn't answer.
        RegistryError: it can't be kept.
    """
    passed = try_bundle(upload.path, runtimes=UPLOADABLE)
    if passed.name != model:
        raise UnusableVersion(
            f"the bundle is a version of {passed.name!r}, not of {model!r}",
            hint=f"upload it as a version of {passed.name!r}, or pack it with name={model!r}",
        )
    return registry.take(upload.path, passed, actor=actor, note=note)


def _failure(error: OSError, path: Path) -> RegistryError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return NoSpace(
            "the disk of the server is full: nothing of the bundle was kept",
            hint="free space there: podium versions --prune removes old versions",
        )
    return RegistryError(f"{path} can't be written: {error.strerror}")
