"""Versions of libraries: those that a model was packed with, and the installed ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from podium.distribution import NAME
from podium.errors import BundleError, UnreviewedType

_VERSION = re.compile(r"[\w.+!]{1,50}")
# scikit-learn writes its version into the state of each estimator.
_SCIKIT_LEARN = re.compile(rb"_sklearn_version.{1,12}?(\d+\.\d[\w.]*)", re.DOTALL)


def installed(name: str) -> str:
    """The installed version of this distribution; empty if it isn't installed."""
    from importlib import metadata  # 10 ms that most starts don't need

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def skew(libraries: Mapping[str, str]) -> str:
    """The versions that differ from the installed ones, in words; empty if none does.

    Args:
        libraries: versions by distribution, as in a card.
    """
    return ", ".join(
        f"{name} {version} ({installed(name)} is installed here)"
        for name, version in _others(libraries)
    )


def skew_hint(libraries: Mapping[str, str]) -> str:
    """What to do about versions that differ from the installed ones."""
    requirements = " ".join(f"{name}=={version}" for name, version in _others(libraries))
    return (
        f"install the versions that it was packed with: pip install {requirements}; or fit and pack it "
        "again with the installed ones"
    )


@contextmanager
def naming_versions(libraries: Mapping[str, str]) -> Iterator[None]:
    """Add the versions that may be the cause to errors in this block.

    Args:
        libraries: versions by distribution, as in a card.

    Raises:
        BundleError: the block raised one.
    """
    try:
        yield
    except UnreviewedType:
        raise
    except BundleError as error:
        differs = skew(libraries)
        if not differs:
            raise
        message = f"{error.message}; it was packed with {differs}"
        raise BundleError(message, hint=skew_hint(libraries)) from error


def written_by(content: bytes) -> str:
    """The scikit-learn version that pickled this, if it differs from the installed one."""
    here, match = installed("scikit-learn"), _SCIKIT_LEARN.search(content)
    version = match[1].decode("ascii", "replace") if match else here
    return "" if version == here else f". scikit-learn {version} wrote it, {here} is installed here"


def _others(libraries: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (name, version)
        for name, version in libraries.items()
        if name != NAME and _VERSION.fullmatch(version) and installed(name) not in ("", version)
    ]
