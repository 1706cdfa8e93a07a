"""The function named by a bundle: imported only if its module declares it as a model."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from podium.bundle.trust import file_digest
from podium.errors import BundleError, SetupError, UntrustedModel

if TYPE_CHECKING:  # a server of other models doesn't need it
    from podium.runtimes.packed import PackedModel
    from podium.runtimes.python import FunctionModel

_IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def open_function(packed: PackedModel) -> FunctionModel:
    """The function named by a bundle: see `bundled_function`."""
    return bundled_function(str(packed.option("function")), packed.name, packed.trust)


def bundled_function(path: str, name: str, trust: Collection[str]) -> FunctionModel:
    """The function at `module:name`.

    Importing a module runs it, and the bundle may come from a stranger, so its source is read
    first.

    Args:
        path: as in the bundle.
        name: of the model, for errors.
        trust: SHA-256 digests, in hex, of modules that may be imported in any case.

    Raises:
        UntrustedModel: the module doesn't declare the function with `@podium.model`.
        SetupError: there is no such module, or it can't be imported.
        BundleError: the path is invalid.
    """
    from podium.runtimes.functions.declared import declares, spec_of
    from podium.runtimes.python import load_function

    place, _, variable = path.partition(":")
    if not _IMPORT_PATH.fullmatch(path) or place.endswith(".py"):
        raise BundleError(f"the bundle of {name} has no module and function: {path[:100]!r}")
    if place not in sys.modules:  # otherwise it was already imported
        folder = Path.cwd()
        spec = spec_of(place, folder)
        if spec is None:
            raise SetupError(
                f"the bundle of {name} needs the module {place!r}, which isn't there",
                hint=f"looked in {folder} and in the installed packages",
            )
        if not declares(spec, variable, folder):
            _require_trust(spec.origin or "", path, name, trust)
    return load_function(path)


def _require_trust(file: str, path: str, name: str, trust: Collection[str]) -> None:
    place, _, variable = path.partition(":")
    if not file.endswith(".py"):
        raise SetupError(
            f"the bundle of {name} asks for {path}, and the module {place} has no source that "
            "could tell whether it is meant"
        )
    digest = file_digest(file)
    if digest not in trust:
        raise UntrustedModel(
            f"the bundle of {name} asks for {path}, and {file} has no @podium.model above "
            f"{variable}. Importing it would run its code. Its digest is "
            f"sha256:{digest}",
            digest=digest,
            hint=f"if you trust it, allow exactly this file: --trust sha256:{digest} "
            f'(in Python: trust="sha256:{digest}")',
        )
