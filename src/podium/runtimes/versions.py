"""Versions of libraries: those that a model was packed with, and those that are installed here."""

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
    """The version of this distribution here; empty where it isn't installed."""
    from importlib import metadata  # 10 ms that most starts don't need

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def skew(libraries: Mapping[str, str]) -> str:
    """Which of these versions aren't those installed here, in words; empty where all are.

    Args:
        libraries: versions by distribution, as a card has them.
    """
    return ", ".join(
        f"{name} {version} ({installed(name)} is installed here)"
        for name, version in _others(libraries)
    )


def skew_hint(libraries: Mapping[str, str]) -> str:
    """What to do about the versions that aren't those installed here."""
    requirements = " ".join(f"{name}=={version}" for name, version in _others(libraries))
    return (
        f"install the versions that it was packed with: pip install {requirements}; or fit and pack it "
        "again with the installed ones"
    )


@contextmanager
def naming_versions(libraries: Mapping[str, str]) -> Iterator[None]:
    """Let what can't be loaded in this block name the versions that may be why.

    Args:
        libraries: versions by distribution, as a card has them.

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
    """Which version of scikit-learn pickled this, where that is another one than is here."""
    here, match = installed("scikit-learn"), _SCIKIT_LEARN.search(content)
    version = match[1].decode("ascii", "replace") if match else here
    return "" if version == here else f". scikit-learn {version} wrote it, {here} is installed here"


def _others(libraries: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (name, version)
        for name, version in libraries.items()
        if name != NAME and _VERSION.fullmatch(version) and installed(name) not in ("", version)
    ]
