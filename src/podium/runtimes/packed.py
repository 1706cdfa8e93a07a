"""A model as a bundle holds it, for the runtime that runs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from podium.errors import BundleError
from podium.signature import Signature


@dataclass(frozen=True, kw_only=True)
class PackedModel:
    """What a runtime is created from. Nothing in it is trusted: it may come from a stranger.

    Attributes:
        name: of the model, for errors.
        signature: the model's inputs and outputs.
        files: contents by name, verified against the bundle's digests.
        options: set when the model was packed.
        requires: the extras of Podium that it was packed to need.
        libraries: versions that it was packed with, by distribution.
        trust: SHA-256 digests, in hex, of the code that the operator allows to run.
    """

    name: str
    signature: Signature
    files: Mapping[str, bytes]
    options: Mapping[str, Any] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    trust: Collection[str] = ()

    def file(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            BundleError: the bundle lacks it.
        """
        if name not in self.files:
            raise BundleError(f"the bundle of {self.name} has no file {name!r}")
        return self.files[name]

    def option(self, name: str) -> Any:
        """An option that the runtime requires.

        Raises:
            BundleError: the bundle lacks it.
        """
        if name not in self.options:
            raise BundleError(f"the bundle of {self.name} has no option {name!r}")
        return self.options[name]
