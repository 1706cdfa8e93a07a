"""Estimators in skops' format: written if every type in them was reviewed, read after an audit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from podium.bundle.skops_audit import audit
from podium.bundle.skops_types import REVIEWED
from podium.errors import BundleError, UnreviewedType
from podium.plugins import needs
from podium.runtimes.packed import PackedModel
from podium.runtimes.sklearn import SklearnRuntime
from podium.runtimes.versions import naming_versions

SKOPS = "estimator.skops"
# scikit-learn's adapter to the tensors of PyTorch, which it imports.
_TORCH = "sklearn.externals.array_api_compat.torch"
_PACK_HINT = "pack the estimator in the script that trains it, with podium.pack(model, X, ...)"


def skops_of(estimator: Any) -> bytes:
    """The estimator as a skops file that `load_skops` can read.

    Raises:
        MissingExtra: skops isn't installed.
        BundleError: it contains a type that wasn't reviewed.
    """
    skops = _skops()
    try:
        content: bytes = skops.dumps(estimator)
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
    skops = _skops()
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
        return skops.loads(content, trusted=REVIEWED)
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


def _skops() -> ModuleType:
    """`skops.io`; it lists scikit-learn's estimators when it is imported."""
    with needs("sklearn"), _passed_over(_TORCH):
        import skops.io
    module: ModuleType = skops.io
    return module


@contextmanager
def _passed_over(module: str) -> Iterator[None]:
    """Let a walk through a package pass over a module of it, as over one that can't be imported.

    The walk through scikit-learn imports PyTorch otherwise, where it is installed: 2 s of a
    processor and 200 MB in each process, and no estimator of scikit-learn needs it.
    """
    is_there = module in sys.modules
    if not is_there:
        sys.modules[module] = None  # type: ignore[assignment] # what the import system looks for
    try:
        yield
    finally:
        if not is_there:
            sys.modules.pop(module, None)
