"""What a run was asked to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """The choices of the command line.

    Attributes:
        only: names, or beginnings of them; empty for all.
        seconds: of each single run of the load.
    """

    parts: tuple[str, ...]
    only: tuple[str, ...]
    models: tuple[str, ...]
    seconds: int
    rounds: int
    is_quick: bool

    def some(self, connections: Sequence[int], n_quick: int = 2) -> Sequence[int]:
        """The numbers of connections: in a quick run the first few."""
        return connections[:n_quick] if self.is_quick else connections

    def wants(self, name: str) -> bool:
        """Whether somebody of this name takes part."""
        return not self.only or name.startswith(self.only)
