"""Step 3: calls that wait together are run together.

There is no timer: while one call runs, the next batch gathers, so that nobody waits for company.
Every caller is settled exactly once, whoever fails or leaves: a caller's future is set by the batch
that took it from the queue, and by nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from podium.errors import PodiumError
from podium.table import Outputs, Table


@dataclass(slots=True)
class _Waiting:
    table: Table
    future: asyncio.Future[Outputs]


class Batcher:
    """Gathers the tables that wait for one model, and runs them as one.

    Args:
        call: answers a table; awaited, one call at a time.
        rows_max: the most rows in one call; a larger table is run alone.
    """

    def __init__(
        self, call: Callable[[Table], Awaitable[Outputs]], *, rows_max: int = 1_024
    ) -> None:
        self._call = call
        self._rows_max = rows_max
        self._waiting: list[_Waiting] = []
        self._draining: asyncio.Task[None] | None = None

    async def submit(self, table: Table) -> Outputs:
        """The outputs of this table, whatever ran beside it.

        Raises:
            ModelError: the model failed on this table.
        """
        future: asyncio.Future[Outputs] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(table, future))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._settle(self._next_batch())
        finally:
            self._draining = None

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        n_rows = 0
        while self._waiting and (
            not batch or n_rows + self._waiting[0].table.n_rows <= self._rows_max
        ):
            one = self._waiting.pop(0)
            if one.future.done():  # its caller left while it waited
                continue
            batch.append(one)
            n_rows += one.table.n_rows
        return batch

    async def _settle(self, batch: list[_Waiting]) -> None:
        """Answer every caller of the batch; one that makes the model fail, fails alone."""
        if not batch:
            return
        try:
            outputs = await self._call(Table.concat([one.table for one in batch]))
        except PodiumError as error:
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
            return
        except Exception as error:  # noqa: BLE001 - callers must be settled, whatever happened
            for one in batch:
                _fail(one, error)
            return
        except BaseException:  # the loop is being stopped: so is everyone who waits
            for one in [*batch, *self._waiting]:
                one.future.cancel()
            self._waiting.clear()
            raise
        at = 0
        for one in batch:
            rows = slice(at, at + one.table.n_rows)
            at = rows.stop
            if not one.future.done():
                one.future.set_result(outputs.rows(rows))


def _fail(one: _Waiting, error: Exception) -> None:
    if not one.future.done():
        one.future.set_exception(error)
