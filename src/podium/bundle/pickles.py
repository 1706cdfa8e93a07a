"""Pickle and joblib files, loaded if their digest is trusted, and the reasons why one can't be."""

from __future__ import annotations

import io
import pickle
import re
import sys
from collections.abc import Collection
from importlib.util import find_spec
from typing import Any

from podium.bundle.libraries import Needed, extras_of, packages_in, require_installed
from podium.bundle.references import MOVE_HINT
from podium.bundle.trust import bytes_digest, require_trust
from podium.errors import BundleError, PodiumError, SetupError
from podium.runtimes.packed import PackedModel
from podium.runtimes.sklearn import SklearnRuntime
from podium.runtimes.versions import naming_versions, written_by

PICKLE = "estimator.pickle"
_LACKED = re.compile(r"attribute '([^']+)'")


def load_pickle(
    content: bytes, description: str, trust: Collection[str], needed: Needed = ((), ())
) -> Any:
    """The estimator in a pickle or joblib file whose digest is trusted.

    Args:
        needed: extras of Podium and other distributions that it is known to need.

    Raises:
        UntrustedModel: it isn't trusted.
        MissingExtra: a library that it needs isn't installed.
        SetupError: one of the user's own modules, classes or functions can't be imported.
        BundleError: it can't be unpickled.
    """
    require_trust(bytes_digest(content), description, trust)
    require_installed(*needed, description)
    try:
        try:
            import joblib
        except ModuleNotFoundError:
            return pickle.loads(content)  # noqa: S301 - the operator passed its digest
        return joblib.load(io.BytesIO(content))
    except Exception as error:
        raise _refusal(error, content, description) from error


def open_pickle(packed: PackedModel) -> SklearnRuntime:
    """The estimator in a bundle.

    Raises:
        UntrustedModel: its digest isn't trusted.
        MissingExtra: a library that it needs isn't installed.
        SetupError: one of the user's own modules, classes or functions can't be imported.
        BundleError: it can't be unpickled.
    """
    content, needed = packed.file(PICKLE), (packed.requires, packages_in(packed.options))
    with naming_versions(packed.libraries):
        estimator = load_pickle(content, packed.name, packed.trust, needed)
    return SklearnRuntime(estimator, packed.signature, packed.libraries)


def _refusal(error: Exception, content: bytes, description: str) -> PodiumError:
    message = str(error)[:300]
    if isinstance(error, ModuleNotFoundError) and _is_missing(str(error.name)):
        require_installed(extras_of([str(error.name)]), (), description)
        return SetupError(
            f"{description} needs the module {error.name}, which isn't installed",
            hint="install the package that contains it, or, if it is your own file, add its folder:  "
            "PYTHONPATH=FOLDER podium ...",
        )
    lost = _LACKED.search(message)
    if isinstance(error, AttributeError) and lost and _is_about_main(message):
        return SetupError(
            f"{description} needs {lost[1]} of the script or notebook that wrote it, which can't be imported",
            hint=MOVE_HINT,
        )
    return BundleError(
        f"{description} can't be unpickled: {type(error).__name__}: {message}{written_by(content)}",
        hint="load it with the library versions that wrote it",
    )


def _is_about_main(message: str) -> bool:
    """Whether something was searched for in the running script, as if it had written the file."""
    spec = sys.modules["__main__"].__spec__  # with `python -m`, repr() has its full name
    names = ["__main__"] if spec is None else ["__main__", spec.name]
    return any(f"module '{name}'" in message for name in names)


def _is_missing(module: str) -> bool:
    """Whether even the top-level package is missing; else it is of another version."""
    return find_spec(module.partition(".")[0]) is None
