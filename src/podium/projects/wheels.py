"""The running Podium as wheels inside a project, which then needs no package index for it."""

from __future__ import annotations

import base64
import hashlib
import io
import platform
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import podium
from podium.distribution import IS_PUBLISHED, NAME
from podium.errors import SetupError

FOLDER = "wheels"
_KERNELS = (".so", ".pyd")
_EXCLUDED = frozenset({"__pycache__"})
# The first is called PKG-INFO by setuptools, beside the source of a checkout.
_FACTS = {
    "METADATA": ("METADATA", "PKG-INFO"),
    "entry_points.txt": ("entry_points.txt",),
    "top_level.txt": ("top_level.txt",),
}
# Archives of the same files have the same bytes, so that their digests are equal.
_STAMP = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of Podium.

    Attributes:
        name: of the file.
        marker: the machines that it is for, as an environment marker; "" for all.
    """

    name: str
    content: bytes
    marker: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 in hex."""
        return hashlib.sha256(self.content).hexdigest()


def build_wheels() -> tuple[Wheel, ...]:
    """Build the wheels of a project.

    One has the kernels in C, for machines like this one, and one is without them, for all others;
    only the second is built if there are no kernels here.

    Raises:
        SetupError: this Podium runs from a copy of the source that wasn't installed.
    """
    files = dict(_files())
    without = {name: content for name, content in files.items() if not name.endswith(_KERNELS)}
    if len(without) == len(files):
        return (_wheel(without, "py3-none-any"),)
    same = f'sys_platform == "{sys.platform}" and platform_machine == "{platform.machine()}"'
    other = f'sys_platform != "{sys.platform}" or platform_machine != "{platform.machine()}"'
    system = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return (
        _wheel(files, f"cp311-abi3-{system}", same),
        _wheel(without, "py3-none-any", other),
    )


def requirements(wheels: tuple[Wheel, ...], extras: tuple[str, ...] = ()) -> str:
    """The lines of a requirements file that install Podium.

    They name the wheels beside it, or the index once Podium is published there.
    """
    extras_text = f"[{','.join(sorted(extras))}]" if extras else ""
    if IS_PUBLISHED:
        major, minor = podium.__version__.split(".")[:2]
        return f"{NAME}{extras_text}>={podium.__version__},<{major}.{int(minor) + 1}"
    return "\n".join(
        f"./{FOLDER}/{one.name}{extras_text}" + (f" ; {one.marker}" if one.marker else "")
        for one in wheels
    )


def checksums(wheels: tuple[Wheel, ...]) -> str:
    """The input of `sha256sum --check` in the project's folder."""
    return "".join(f"{one.digest}  {FOLDER}/{one.name}\n" for one in wheels)


def _files() -> Iterator[tuple[str, bytes]]:
    """The installed package and its metadata, by their names in a wheel."""
    try:
        ours = distribution(NAME)
    except PackageNotFoundError as error:
        raise SetupError(
            f"this Podium isn't installed, so that {FOLDER}/ can't be filled",
            hint="install it from its checkout: pip install .",
        ) from error
    package = Path(podium.__file__).parent
    for file in sorted(package.rglob("*")):
        if file.is_file() and not _EXCLUDED & set(file.parts) and file.suffix != ".c":
            yield f"{package.name}/{file.relative_to(package).as_posix()}", file.read_bytes()
    for name, sources in _FACTS.items():
        text = next(filter(None, map(ours.read_text, sources)), "")
        yield f"{_facts_folder()}/{name}", text.encode()


def _facts_folder() -> str:
    return f"{NAME.replace('-', '_')}-{podium.__version__}.dist-info"


def _wheel(files: dict[str, bytes], tag: str, marker: str = "") -> Wheel:
    is_pure = str(tag.endswith("any")).lower()
    about = f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: {is_pure}\nTag: {tag}\n"
    inside = files | {f"{_facts_folder()}/WHEEL": about.encode()}
    record = f"{_facts_folder()}/RECORD"
    lines = [f"{name},{_digest(content)},{len(content)}" for name, content in inside.items()]
    inside[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in inside.items():
            member = zipfile.ZipInfo(name, _STAMP)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)
    name = f"{_facts_folder().removesuffix('.dist-info')}-{tag}.whl"
    return Wheel(name, buffer.getvalue(), marker)


def _digest(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest}"
