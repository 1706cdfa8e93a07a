"""A request on its way through the model, and its result."""

from __future__ import annotations

import asyncio

from podium.flow.formats.arrow import ARROW
from podium.flow.job import Job
from podium.flow.request import Prepared, RequestContext
from podium.flow.response import EncodedResponse
from podium.flow.version import LoadedVersion

# Responses for more rows are encoded, and their records created, in a thread.
QUICK_ROWS_MAX = 128
_PLAIN = frozenset({"", "*/*", "application/json", "application/json, */*"})


class Submission(Job):
    """A request whose rows wait for the model; delivered exactly once, as a response or an error.

    Attributes:
        body: the response, of type `media`; with `ids` of its records.
    """

    __slots__ = ("body", "context", "ids", "media", "prepared", "version")

    def __init__(
        self,
        version: LoadedVersion,
        context: RequestContext,
        prepared: Prepared,
        *,
        digest: bytes = b"",
    ) -> None:
        rows = prepared.rows
        if rows is None:
            Job.__init__(self, prepared.table.n_rows, None, prepared.table, digest)
        else:
            Job.__init__(self, len(rows), rows, None, digest)
        self.version = version
        self.context = context
        self.prepared = prepared
        self.body = b""
        self.media = ""
        self.ids: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is a JSON object without an idempotency key that was valid as it is, and gets
        a JSON object back.
        """
        prepared = self.prepared
        is_object = prepared.rows is not None and prepared.layout == "object"
        return is_object and prepared.claim is None and self.context.accept in _PLAIN

    @property
    def traceparent(self) -> str:
        """The header with which the caller continues a trace; "" for none."""
        return self.context.traceparent

    @property
    def is_quick(self) -> bool:
        """Whether its response can be encoded, and its record created, in a millisecond."""
        return (
            self.n_rows <= QUICK_ROWS_MAX
            and self.prepared.claim is None
            and ARROW not in self.context.accept
        )

    def deliver(self) -> None:
        """Pass the result to the caller."""


class AwaitedSubmission(Submission):
    """A request whose caller is a coroutine."""

    __slots__ = ("future",)

    def __init__(
        self,
        version: LoadedVersion,
        context: RequestContext,
        prepared: Prepared,
        *,
        digest: bytes = b"",
    ) -> None:
        super().__init__(version, context, prepared, digest=digest)
        loop = asyncio.get_running_loop()
        self.future: asyncio.Future[EncodedResponse] = loop.create_future()
        self.future.add_done_callback(self._left)

    def deliver(self) -> None:
        """Resume the coroutine."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(EncodedResponse(self.body, self.media, is_repeated=False))

    def _left(self, _future: asyncio.Future[EncodedResponse]) -> None:
        self.is_settled = True
