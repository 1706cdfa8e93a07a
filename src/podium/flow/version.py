"""One version of a model, with everything that its predictions need."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from threading import get_ident
from typing import Any

import msgspec

from podium.bundle import Bundle
from podium.bundle.card import Card
from podium.flow.batch import Batcher
from podium.flow.cost import UNKNOWN, Cost, measure
from podium.flow.format import RowCodec
from podium.flow.limits import Limits
from podium.flow.row_encoder import RowEncoder
from podium.flow.typed import TypedReader
from podium.metrics.metrics import ModelMetrics
from podium.records.business_key import business_key_of
from podium.runtimes.protocol import BatchPolicy, Runtime
from podium.signature import Signature


class LoadedVersion:
    """A version of a model, from its bundle to its batcher.

    Everything that depends on the version is an attribute of this object and nowhere else, so a
    request that has chosen a version ends with it, and a swap replaces everything at once.

    Args:
        metrics: where its predictions are counted; counters of its own by default.
        batch: settings of the batch policy that replace those of its runtime, by name.
        key_field: the field whose value is the business key of a row; "" for none.

    Attributes:
        cost: of its calls; None until the model is loaded.
        batcher: runs its jobs on the event loop; None until there is one.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        limits: Limits = Limits(),
        metrics: ModelMetrics | None = None,
        batch: Mapping[str, Any] = {},
        key_field: str = "",
    ) -> None:
        self.name = bundle.name
        self.version = bundle.version
        self.digest = bundle.digest
        self.bundle = bundle
        self.limits = limits
        self.metrics = metrics or ModelMetrics(self.name, self.version, get_ident())
        self.cost: Cost | None = None
        self.batcher: Batcher | None = None
        self._batch = batch
        self.key_field = key_field
        self._lock = threading.Lock()
        self._row_codecs: dict[Callable[[LoadedVersion], RowCodec], RowCodec] = {}

    @cached_property
    def signature(self) -> Signature:
        """The model's inputs and outputs."""
        return self.bundle.signature

    @property
    def card(self) -> Card:
        """The facts about the model."""
        return self.bundle.card

    @property
    def runtime(self) -> Runtime:
        """The runtime; loaded when it is first used."""
        return self.bundle.runtime

    @property
    def policy(self) -> BatchPolicy:
        """How requests are combined into calls of the model."""
        return replace(self.runtime.features.batch, **self._batch)

    @cached_property
    def reader(self) -> TypedReader:
        """Reads and validates rows of JSON in one pass."""
        return TypedReader(self.signature, rows_max=self.limits.bulk_rows_max)

    @cached_property
    def encoder(self) -> RowEncoder:
        """Encodes responses for single rows."""
        return RowEncoder(self.name, self.version, self.signature)

    def row_codec(self, make: Callable[[LoadedVersion], RowCodec]) -> RowCodec:
        """The codec that this creates for the version, once."""
        found = self._row_codecs.get(make)
        if found is None:
            found = self._row_codecs[make] = make(self)
        return found

    @property
    def is_loaded(self) -> bool:
        """Whether the model is loaded and its cost is known."""
        return self.cost is not None

    def business_key_of(self, inputs: bytes) -> str | None:
        """The business key in a row, if a field has it.

        Args:
            inputs: the row as a JSON object.
        """
        if not self.key_field:
            return None
        row: dict[str, Any] = msgspec.json.decode(inputs)
        return business_key_of(row.get(self.key_field))

    def load(self) -> bool:
        """Load the model once, and measure the cost of a call.

        Returns whether this call loaded it.

        Raises:
            PodiumError: it can't be loaded.
        """
        with self._lock:
            if self.cost is not None:
                return False
            runtime = self.bundle.start()
            self.cost = UNKNOWN if runtime.features.has_effects else measure(runtime)
            return True
