"""Files of object stores and other servers, by URL, through fsspec and the package of each store."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from podium.errors import PodiumError, SetupError
from podium.plugins import needs

# What pyarrow opens itself where the package that fsspec asks for isn't installed.
_OF_ARROW = ("s3://", "gs://", "gcs://")


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

    @property
    def is_several(self) -> bool:
        """Whether it names files of a folder, by its end `/`, or by a pattern."""
        text = self.text.partition("?")[0]
        return text.endswith("/") or any(letter in text for letter in "*[")

    def sibling(self, name: str) -> Url:
        """What has this name in the same folder."""
        text, mark, query = self.text.partition("?")
        return Url(f"{text.rstrip('/').rpartition('/')[0]}/{name}{mark}{query}")

    def child(self, name: str) -> Url:
        """What has this name in this folder."""
        text, mark, query = self.text.partition("?")
        return Url(f"{text.rstrip('/')}/{name}{mark}{query}")


def url_of(name: str) -> Url | None:
    """What a command was given, if it is a URL."""
    return Url(name) if "://" in name else None


def files_of(url: Url) -> list[Url]:
    """The files of a folder or of a pattern, by name; those that begin with . or _ are left out.

    Raises: as `open_url`.
    """
    store, path = store_of(url)
    with talking():
        is_pattern = any(letter in path for letter in "*[")
        names = store.glob(path) if is_pattern else store.find(path, maxdepth=1)
    text, mark, query = url.text.partition("?")
    head = text.rstrip("/").removesuffix(path.strip("/"))
    found = [name for name in names if not name.rpartition("/")[2].startswith((".", "_"))]
    return [Url(f"{head}{name.lstrip('/')}{mark}{query}") for name in sorted(found)]


def open_url(url: Url) -> _RemoteFile:
    """The file for reading, at any position where its store allows that.

    Raises:
        MissingExtra: fsspec isn't installed.
        SetupError: the store isn't known, or its package isn't installed.
        OSError: it can't be read.
    """
    store, path = store_of(url)
    with talking():
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
        with talking():
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        if not self.seekable():
            raise OSError("its server sends it from its beginning alone")
        with talking():
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def talking() -> Iterator[None]:
    """Turn what the package of a store raises into errors of files."""
    try:
        yield
    except (OSError, PodiumError):
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


class Upload(AbstractContextManager["Upload"]):
    """A file that is written to the disk, and sent to its place when it is complete."""

    file: BinaryIO

    def __init__(self, url: Url) -> None:
        self.path = url
        with self.writing():
            self._store, self._path = store_of(url)

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
            with talking():
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
        self.send(Path(self.file.name))

    def send(self, file: Path) -> None:
        """Send another file of the disk, as it is.

        Raises: as `publish`.
        """
        with self.writing():
            self._store.put_file(str(file), self._path)

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "file"):
            self.file.close()


def store_of(url: Url) -> tuple[Any, str]:
    """The file system of fsspec, and the path in it.

    Raises:
        MissingExtra: fsspec isn't installed.
        SetupError: the store isn't known, or its package isn't installed.
    """
    with needs("remote"):
        from fsspec.core import url_to_fs
    try:
        try:
            store, path = url_to_fs(url.text)
        except ImportError:  # the package of a store, which fsspec names
            if not url.text.startswith(_OF_ARROW):
                raise
            store, path = _arrow_store(url)
    except ImportError as error:
        raise SetupError(f"{url} can't be opened: {error}", hint="install that package") from error
    except ValueError as error:
        raise SetupError(f"{url} can't be opened: {error}", hint="is its scheme right?") from error
    return store, path


def _arrow_store(url: Url) -> tuple[Any, str]:
    """The same by what pyarrow has built in."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import FileSystem

    class Store(ArrowFSWrapper):  # type: ignore[misc]  # fsspec has no types
        def makedirs(self, path: str, exist_ok: bool = False) -> None:
            """There are no folders: to create one takes rights that a writer of files may lack."""

    text, mark, query = url.text.partition("?")
    scheme, _, rest = text.partition("://")
    bucket, slash, key = rest.partition("/")
    system, _ = FileSystem.from_uri(f"{scheme}://{bucket}{mark}{query}")
    return Store(system), f"{bucket.rpartition('@')[2]}{slash}{key}"
