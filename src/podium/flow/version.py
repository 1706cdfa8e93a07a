"""One version of a model, with everything that answers with it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from threading import get_ident
from typing import Any

from podium.bundle import Bundle
from podium.bundle.card import Card
from podium.flow.batch import Batcher
from podium.flow.cost import UNKNOWN, Cost, measure
from podium.flow.limits import Limits
from podium.flow.row_encoder import RowEncoder
from podium.flow.typed import TypedReader
from podium.monitor.metrics import ModelMetrics
from podium.runtimes.protocol import BatchPolicy, Runtime
from podium.signature import Signature


class LoadedVersion:
    """A version of a model, from its bundle to its batcher.

    Whatever depends on the version hangs here and nowhere else. So a request that has chosen one
    ends with it, and replacing a version replaces all of it at once.

    Args:
        metrics: where its answers are counted; numbers of its own when left out.
        batch: what its batch policy has in place of its runtime's, by name.

    Attributes:
        cost: of its calls; None until it is loaded.
        batcher: what runs its jobs on the event loop; None until there is one.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        limits: Limits = Limits(),
        metrics: ModelMetrics | None = None,
        batch: Mapping[str, Any] = {},
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
        self._lock = threading.Lock()

    @cached_property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return self.bundle.signature

    @property
    def card(self) -> Card:
        """What the model is."""
        return self.bundle.card

    @property
    def runtime(self) -> Runtime:
        """The runtime; loaded at its first use."""
        return self.bundle.runtime

    @property
    def policy(self) -> BatchPolicy:
        """How requests become calls of the model."""
        return replace(self.runtime.features.batch, **self._batch)

    @cached_property
    def reader(self) -> TypedReader:
        """What reads rows of JSON in one pass."""
        return TypedReader(self.signature, rows_max=self.limits.bulk_rows_max)

    @cached_property
    def encoder(self) -> RowEncoder:
        """What writes answers to single rows."""
        return RowEncoder(self.name, self.version, self.signature)

    @property
    def is_loaded(self) -> bool:
        """Whether the model is loaded, and what it costs is known."""
        return self.cost is not None

    def load(self) -> bool:
        """Load the model, once, and measure what a call of it costs.

        Returns whether this call did it.

        Raises:
            PodiumError: it can't be loaded.
        """
        with self._lock:
            if self.cost is not None:
                return False
            runtime = self.bundle.start()
            self.cost = UNKNOWN if runtime.features.has_effects else measure(runtime)
            return True
