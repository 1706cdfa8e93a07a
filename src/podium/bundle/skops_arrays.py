"""The members of a skops file, with their sizes limited and their arrays checked."""

from __future__ import annotations

import io
import math
import re
import zipfile

from podium.errors import BundleError

SCHEMA = "schema.json"
_NAME = re.compile(r"schema\.json|\d{1,20}\.np[yz]|[0-9a-f-]{36}\.bin")
# A file may unpack to 50 times its size, and a small one to 64 MiB.
_SMALL_BYTES = 64 << 20
_GROWTH = 50
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# An array whose elements take no bytes could claim any number of them.
_EMPTY_MAX = 1 << 20


class Members:
    """The files in a skops file, with a running total of the bytes read.

    Raises:
        BundleError: it isn't a zip as skops writes it.
    """

    def __init__(self, content: bytes) -> None:
        self._remaining = self._allowed = max(_SMALL_BYTES, _GROWTH * len(content))
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        members = self._zip.infolist()
        self._sizes = {member.filename: member.file_size for member in members}
        if len(self._sizes) < len(members):
            raise BundleError("it has two members with the same name")
        for member in members:
            if not _NAME.fullmatch(member.filename):
                raise BundleError(f"it has a member called {member.filename[:80]!r}")
            if member.compress_type not in _PACKINGS:
                raise BundleError(f"its {member.filename} is compressed in an unsupported way")

    def read(self, name: object) -> bytes:
        """The content of one member, whose size is counted each time.

        Raises:
            BundleError: there is none, or the total is too large.
        """
        if not isinstance(name, str) or name not in self._sizes:
            raise BundleError(f"it has no member {str(name)[:80]!r}")
        self._remaining -= self._sizes[name]
        if self._remaining < 0:
            raise BundleError(f"it would unpack to more than {self._allowed:,} bytes")
        return self._zip.read(name)


def check_array(content: bytes) -> None:
    """Check that an .npy member contains the numbers that its header declares.

    Raises:
        BundleError: it doesn't, or it contains objects.
    """
    import numpy as np

    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise BundleError(f"it has an array in version {version} of numpy's format")
    is_first = version == (1, 0)
    read = np.lib.format.read_array_header_1_0 if is_first else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    count = math.prod(shape)
    if dtype.hasobject or min(shape, default=0) < 0:
        raise BundleError("it has an array of objects")
    is_whole = count * dtype.itemsize == len(content) - stream.tell()
    if not is_whole or (not dtype.itemsize and count > _EMPTY_MAX):
        raise BundleError(f"it has an array of {count:,} elements that are missing")


def check_children(content: bytes, left: str, right: str) -> None:
    """Check that the children in an array of nodes exist and come after their parents.

    Args:
        content: an .npy member that was checked.
        left: the field of left children; a leaf has none below 1.
        right: the same of right ones.

    Raises:
        BundleError: a walk would leave the array, or never end.
    """
    import numpy as np

    nodes = np.load(io.BytesIO(content), allow_pickle=False)
    if nodes.ndim != 1 or not {left, right} <= set(nodes.dtype.names or ()):
        raise BundleError("it has a tree without nodes")
    indices = np.arange(len(nodes))
    for child in (nodes[left], nodes[right]):
        inner = nodes["is_leaf"] == 0 if "is_leaf" in nodes.dtype.names else nodes[left] != -1
        if (
            child.dtype.kind not in "iu"
            or not ((child > indices) & (child < len(nodes)))[inner].all()
        ):
            raise BundleError("it has a tree whose nodes don't lead to its leaves")
