"""Responses, and the records behind them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from podium.flow.format import ResponseData
from podium.flow.formats import encode
from podium.flow.record import records_of
from podium.flow.request import Prepared, RequestContext
from podium.flow.version import LoadedVersion
from podium.outputs import Outputs
from podium.records.block import Recordable
from podium.table import Table


@dataclass(frozen=True, slots=True)
class EncodedResponse:
    """A response as the caller reads it.

    Attributes:
        body: in the requested format.
        media: its content type.
        is_repeated: whether it is the stored response of an earlier request with the same key.
    """

    body: bytes
    media: str
    is_repeated: bool


@dataclass(frozen=True, slots=True)
class PredictResponse(EncodedResponse):
    """A response, and what it was made from.

    Attributes:
        version: the one that answered.
        ids: of the records, one for each row; empty if nothing is recorded.
        outputs: the model's outputs, with warnings.
        prepared: the request.
    """

    version: LoadedVersion
    ids: tuple[str, ...]
    outputs: Outputs
    prepared: Prepared
    latency_us: int

    @property
    def table(self) -> Table:
        """The inputs of the model."""
        return self.prepared.table


def respond(
    version: LoadedVersion,
    context: RequestContext,
    prepared: Prepared,
    outputs: Outputs,
    ids: Sequence[str],
) -> tuple[PredictResponse, Iterable[Recordable]]:
    """The response, and the records that must be stored before it is sent.

    Args:
        version: the one that answered.
        ids: of the records, one for each row; empty if nothing is recorded.

    Raises:
        StoreError: no store can hold some of the records.
    """
    outputs = replace(outputs, warnings=prepared.warnings)
    data = ResponseData(version.name, version.version, version.signature, outputs, ids)
    write = encode if prepared.codec is None else prepared.codec.encode
    body, media = write(data, prepared.layout, context.accept)
    records = records_of(version, context, prepared, outputs, ids) if ids else []
    latency_us = (time.perf_counter_ns() - prepared.began_ns) // 1_000
    response = PredictResponse(
        body, media, False, version, tuple(ids), outputs, prepared, latency_us
    )
    return response, records
