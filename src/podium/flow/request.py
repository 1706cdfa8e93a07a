"""Requests for predictions, before and after they are prepared for the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from podium.access import NOBODY, Actor
from podium.flow.format import Codec, RowWriter
from podium.flow.typed import Row, TypedReader
from podium.metrics.metrics import Lane
from podium.outbox.keys import Claim
from podium.outputs import CellWarning
from podium.table import Table


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Everything about a request but its rows; equal contexts are shared between requests.

    Attributes:
        source: the way in: `api`, `form`, `cli` or `python`.
        actor: who sent it.
        accept: the Accept header.
        key: the idempotency key: a repeated request with the same key gets the same response.
        client: the address of an anonymous caller, which separates the keys of one from
            another's.
        lane: the lane under which it is counted.
        business_key: the caller's own name for what is predicted; "" for none.
        traceparent: the header with which the caller continues a trace; "" for none.
        is_bulk: whether it may have as many rows as a bulk request.
    """

    source: str = "api"
    actor: Actor = NOBODY
    accept: str = ""
    key: str = ""
    client: str = ""
    lane: Lane = "asgi"
    business_key: str = ""
    is_bulk: bool = False
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """A request for predictions.

    Attributes:
        body: the rows, as they were sent.
        media: the content type, in lower case and without parameters; JSON when empty.
        codec: reads the rows and writes the response; None: Podium's own formats, by content
            type.
    """

    body: bytes
    media: str
    context: RequestContext = RequestContext()
    codec: Codec | None = None

    @property
    def fingerprint(self) -> bytes:
        """A digest that identifies an equal request."""
        parts = [self.body, self.media.encode(), self.context.accept.encode()]
        if self.codec is not None:
            parts.append(self.codec.name.encode())
        return blake2b(b"\0".join(parts), digest_size=16).digest()


class Prepared(msgspec.Struct):  # created in a third of a dataclass's time
    """A request that is ready for the model.

    Attributes:
        reader: of the model's signature.
        rows: typed rows, if they were read that way; otherwise there is a `checked` table.
        layout: how the rows were arranged in the body.
        claim: the hold on the idempotency key; None without a key.
        write_row: writes the response to a single row; None: `codec`, or Podium's own format.
        request_id: of the first record, where it decided which version answers; "" elsewhere.
        codec: writes the response; see `PredictRequest`.
    """

    reader: TypedReader
    rows: Sequence[Row] | None
    checked: Table | None
    warnings: tuple[CellWarning, ...]
    layout: str
    began_ns: int
    time_us: int
    claim: Claim | None = None
    codec: Codec | None = None
    request_id: str = ""
    write_row: RowWriter | None = None

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.rows) if self.rows is not None else self.table.n_rows

    @property
    def table(self) -> Table:
        """The rows as a table, which every runtime accepts."""
        if self.checked is None:
            self.checked = self.reader.table(self.rows or ())
        return self.checked
