"""What comes in: a request for predictions, and the same once it is ready for the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from podium.access import NOBODY, Actor
from podium.flow.format import Codec
from podium.flow.typed import Row, TypedReader
from podium.monitor.metrics import Lane
from podium.outbox.keys import Claim
from podium.outputs import CellWarning
from podium.table import Table


@dataclass(frozen=True, slots=True)
class RequestContext:
    """All of a request but its rows; requests that differ in nothing else share one.

    Attributes:
        source: the way in: `api`, `form`, `cli` or `python`.
        actor: who asks.
        accept: the header of that name.
        key: the idempotency key: who sends a request again with the same one gets the same answer.
        client: where nobody in particular comes from, so that the keys of two such have nothing in
            common.
        lane: under which it is counted.
        is_bulk: it may hold as many rows as a bulk request.
    """

    source: str = "api"
    actor: Actor = NOBODY
    accept: str = ""
    key: str = ""
    client: str = ""
    lane: Lane = "asgi"
    is_bulk: bool = False


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """A request for predictions.

    Attributes:
        body: the rows, as they were sent.
        media: the content type, in lower case and without parameters; JSON when empty.
        codec: reads the rows and writes the response; None: Podium's own formats, by content type.
    """

    body: bytes
    media: str
    context: RequestContext = RequestContext()
    codec: Codec | None = None

    @property
    def fingerprint(self) -> bytes:
        """By what this request is known again."""
        parts = [self.body, self.media.encode(), self.context.accept.encode()]
        if self.codec is not None:
            parts.append(self.codec.name.encode())
        return blake2b(b"\0".join(parts), digest_size=16).digest()


@dataclass(slots=True)  # not frozen: that takes a microsecond more to make
class Prepared:
    """A request that is ready for the model.

    Attributes:
        reader: of the model's signature.
        rows: where the typed way read them, else there is a `checked` table.
        layout: how the caller wrote them.
        claim: what the idempotency key stands for; None without one.
        codec: writes the response, as in the request.
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

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.rows) if self.rows is not None else self.table.n_rows

    @property
    def table(self) -> Table:
        """The rows as every runtime takes them."""
        if self.checked is None:
            self.checked = self.reader.table(self.rows or ())
        return self.checked
