"""A deployment: a name under which a model answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from podium.bundle import Bundle
from podium.bundle.card import Card
from podium.flow.typed import TypedReader
from podium.records.keys import Keys
from podium.records.record import Ids
from podium.records.store import Store
from podium.signature import Signature


@dataclass(frozen=True)
class Limits:
    """How much one request may ask.

    Attributes:
        rows_max: the most rows.
        errors_max: the most bad cells listed.
    """

    rows_max: int = 1_000
    errors_max: int = 100


@dataclass(frozen=True)
class Deployment:
    """A model that answers under a name, and where its answers are recorded."""

    name: str
    bundle: Bundle
    store: Store | None = None
    limits: Limits = Limits()
    ids: Ids = field(default_factory=Ids)
    keys: Keys | None = None

    @cached_property
    def reader(self) -> TypedReader:
        """What reads rows of JSON in one pass."""
        return TypedReader(self.signature, rows_max=self.limits.rows_max)

    @property
    def is_kept_at_once(self) -> bool:
        """Whether records are kept without waiting for a disk or a network."""
        return self.store is None or getattr(self.store, "is_inline", False)

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return self.bundle.signature

    @property
    def card(self) -> Card:
        """What the model is."""
        return self.bundle.card

    @property
    def version(self) -> str:
        """Which version answers."""
        return self.bundle.version
