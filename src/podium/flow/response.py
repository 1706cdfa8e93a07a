"""What goes out: the response to a request, and the records that stand behind it."""

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
from podium.records.record import Record
from podium.table import Table


@dataclass(frozen=True, slots=True)
class EncodedResponse:
    """What a caller reads.

    Attributes:
        body: as the caller asked for it.
        media: its content type.
        is_repeated: it was given before, to the same request with the same key.
    """

    body: bytes
    media: str
    is_repeated: bool


@dataclass(frozen=True, slots=True)
class PredictResponse(EncodedResponse):
    """A response, and what it was made of.

    Attributes:
        ids: of the records, one a row; empty when nothing is recorded.
        outputs: what the model said, with warnings.
        prepared: the request.
    """

    ids: tuple[str, ...]
    outputs: Outputs
    prepared: Prepared
    latency_us: int

    @property
    def table(self) -> Table:
        """What the model was asked."""
        return self.prepared.table


def respond(
    version: LoadedVersion,
    context: RequestContext,
    prepared: Prepared,
    outputs: Outputs,
    ids: Sequence[str],
) -> tuple[PredictResponse, Iterable[Record]]:
    """The response, and the records that must be kept before it leaves.

    Args:
        ids: of the records, one a row; none where nothing is recorded.

    Raises:
        StoreError: no store could hold the records.
    """
    outputs = replace(outputs, warnings=prepared.warnings)
    data = ResponseData(version.name, version.version, version.signature, outputs, ids)
    write = encode if prepared.codec is None else prepared.codec.encode
    body, media = write(data, prepared.layout, context.accept)
    records = records_of(version, context, prepared, outputs, ids) if ids else []
    latency_us = (time.perf_counter_ns() - prepared.began_ns) // 1_000
    response = PredictResponse(body, media, False, tuple(ids), outputs, prepared, latency_us)
    return response, records
