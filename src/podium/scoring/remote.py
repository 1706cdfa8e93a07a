"""Files of object stores and other servers, by URL, through fsspec and the package of each store."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from podium.errors import SetupError
from podium.plugins import needs


@dataclass(frozen=True)
class Url:
    """A file elsewhere, such as `s3://bucket/rows.parquet`."""

    text: str

    def __str__(self) -> str:
        """As it was given, without a password."""
        scheme, _, rest = self.text.partition("://")
        place, at, path = rest.rpartition("@")
        return f"{scheme}://{'...@' if at and place else ''}{path}"

    @property
    def path(self) -> PurePosixPath:
        """The path alone, for the name of the file and its format."""
        return PurePosixPath(self.text.partition("://")[2].partition("?")[0])


def url_of(name: str) -> Url | None:
    """What a command was given, if it is a URL."""
    return Url(name) if "://" in name else None


def open_url(url: Url) -> _RemoteFile:
    """The file for reading, at any position where its store allows that.

    Raises:
        MissingExtra: fsspec isn't installed.
        SetupError: the store isn't known, or its package isn't installed.
        OSError: it can't be read.
    """
    store, path = _store(url)
    with _talking():
        return _RemoteFile(store.open(path, "rb"))


class _RemoteFile(io.RawIOBase):
    """A file of a store, whose errors are those of files."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.size: int | None = getattr(file, "size", None)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def readinto(self, buffer: Any) -> int:
        with _talking():
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        if not self.seekable():
            raise OSError("its server sends it from its beginning alone")
        with _talking():
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def _talking() -> Iterator[None]:
    """Turn what the package of a store raises into errors of files."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


class Upload(AbstractContextManager["Upload"]):
    """A file that is written to the disk, and sent to its place when it is complete."""

    file: BinaryIO

    def __init__(self, url: Url) -> None:
        self.path = url
        self._store, self._path = _store(url)

    def exists(self) -> bool:
        """Whether there is a file already."""
        with self.writing():
            return bool(self._store.exists(self._path))

    def open(self) -> None:
        """Create the file on the disk, which must have room for all of it."""
        with self.writing():
            self.file = tempfile.NamedTemporaryFile(prefix="podium-", suffix=".part")  # type: ignore[assignment]  # noqa: SIM115  # closed by `__exit__`

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Add the file's name to errors in this block.

        Raises:
            SetupError: the disk is full, or the store doesn't take it.
        """
        try:
            with _talking():
                yield
        except OSError as error:
            raise SetupError(
                f"{self.path} can't be written: {error.strerror or error}",
                hint="are its name and your rights to it right, and is there room on the disk?",
            ) from error

    def seal(self) -> None:
        """Complete the file on the disk."""
        with self.writing():
            self.file.flush()

    def publish(self) -> None:
        """Send it.

        Raises:
            SetupError: the store doesn't take it.
        """
        with self.writing():
            self._store.put_file(self.file.name, self._path)

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "file"):
            self.file.close()


def _store(url: Url) -> tuple[Any, str]:
    with needs("remote"):
        from fsspec.core import url_to_fs
    try:
        store, path = url_to_fs(url.text)
    except ImportError as error:  # the package of a store, which fsspec names
        raise SetupError(f"{url} can't be opened: {error}", hint="install that package") from error
    except ValueError as error:
        raise SetupError(f"{url} can't be opened: {error}", hint="is its scheme right?") from error
    return store, path
