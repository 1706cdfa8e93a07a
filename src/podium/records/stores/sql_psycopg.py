"""Connections of psycopg that give up a server which responds no more."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

from sqlalchemy import Engine, event

# What may take minutes on a large table.
_DEFINING = ("CREATE ", "ALTER ")


def prepare(engine: Engine, *, response_s: float) -> None:
    """Make each connection wait so long for the next bytes of a response, and then close itself.

    By itself psycopg waits for ever. The system closes a connection only if what was sent isn't
    acknowledged: not one to a server or a proxy that hangs, and after hours one to a machine that is
    gone. Statements that define tables and indexes wait for ever still.
    """
    patient = _connections(response_s)

    def connect(_: object, __: object, arguments: Any, options: Any) -> Any:
        return patient.connect(*arguments, **options)

    def choose(_: object, cursor: Any, statement: str, *___: object) -> None:
        is_defining = statement.lstrip().upper().startswith(_DEFINING)
        cursor.connection.podium_response_s = None if is_defining else response_s

    def restore(_: object, cursor: Any, *___: object) -> None:
        cursor.connection.podium_response_s = response_s

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "before_cursor_execute", choose)
    event.listen(engine, "after_cursor_execute", restore)


def _connections(response_s: float) -> Any:
    """The class of the connections."""
    from psycopg import Connection, OperationalError

    class Patient(Connection[Any]):
        podium_response_s: float | None = response_s

        def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
            if self.podium_response_s is not None:
                gen = _limited(gen, self.podium_response_s, give_up=self._give_up)
            return super().wait(gen, *args, **options)

        def _give_up(self) -> Exception:
            self.pgconn.finish()
            return OperationalError(f"no response for {self.podium_response_s:g} s")

    return Patient


def _limited(
    gen: Any, seconds: float, *, give_up: Callable[[], Exception]
) -> Generator[Any, Any, Any]:
    """The same operations, until nothing was read or written for so long."""
    until_s = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            # Which of reading and writing is possible; nothing after each tenth of a second.
            ready = yield wanted
            if ready:
                until_s = time.monotonic() + seconds
            elif time.monotonic() > until_s:
                raise give_up()
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value
