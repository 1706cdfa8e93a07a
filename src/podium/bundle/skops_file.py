"""Estimators in skops' format: written if every type in them was reviewed, read after an audit."""

from __future__ import annotations

from typing import Any

from podium.bundle.skops_audit import audit
from podium.bundle.skops_types import REVIEWED
from podium.errors import BundleError, UnreviewedType
from podium.plugins import needs
from podium.runtimes.packed import PackedModel
from podium.runtimes.sklearn import SklearnRuntime
from podium.runtimes.versions import naming_versions

SKOPS = "estimator.skops"
_PACK_HINT = "pack the estimator in the script that trains it, with podium.pack(model, X, ...)"


def skops_of(estimator: Any) -> bytes:
    """The estimator as a skops file that `load_skops` can read.

    Raises:
        MissingExtra: skops isn't installed.
        BundleError: it contains a type that wasn't reviewed.
    """
    with needs("sklearn"):
        import skops.io
    try:
        content: bytes = skops.io.dumps(estimator)
    except Exception as error:  # skops encounters the user's own classes here
        raise BundleError(f"skops can't hold it: {type(error).__name__}") from error
    try:
        audit(content)
    except UnreviewedType as error:
        raise BundleError(f"it holds {error.message}, which wasn't reviewed") from error
    return content


def load_skops(content: bytes) -> Any:
    """The estimator in a skops file that contains reviewed types only.

    Raises:
        MissingExtra: skops or scikit-learn isn't installed.
        UnreviewedType: it contains others.
        BundleError: it can't be read.
    """
    with needs("sklearn"):
        import skops.io
    try:
        audit(content)
    except UnreviewedType as error:
        raise UnreviewedType(
            f"the skops file isn't loaded: it holds {error.message}, which isn't among the types "
            "that were reviewed",
            hint=_PACK_HINT,
        ) from error
    except BundleError as error:
        raise BundleError(
            f"the skops file isn't loaded: {error.message}", hint=error.hint
        ) from error
    try:
        return skops.io.loads(content, trusted=REVIEWED)
    except Exception as error:
        raise BundleError(f"the skops file can't be loaded: {str(error)[:300]}") from error


def open_skops(packed: PackedModel) -> SklearnRuntime:
    """The estimator in a bundle.

    Raises:
        MissingExtra: skops or scikit-learn isn't installed.
        UnreviewedType: it contains types that weren't reviewed.
        BundleError: it can't be read.
    """
    content = packed.file(SKOPS)
    with naming_versions(packed.libraries):
        estimator = load_skops(content)
    return SklearnRuntime(estimator, packed.signature, packed.libraries)
