"""Compiled models, run by numpy and our own kernels."""

from __future__ import annotations

from podium.program import Program
from podium.runtimes.packed import PackedModel


def open_program(packed: PackedModel) -> Program:
    """The program in a bundle.

    Raises:
        NewerBundle: a newer Podium wrote it.
        BundleError: it is damaged, or of another signature.
    """
    return Program.load(packed.files, packed.signature)
