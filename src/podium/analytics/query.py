"""A question in SQL to an export, which can neither change it nor reach anything else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from podium.analytics.columns import SCHEMA, text_literal
from podium.analytics.export import failures
from podium.errors import SetupError

MEMORY, SECONDS = "1GB", 60.0
_ROWS_AT_ONCE = 1_000
# Nothing is fetched from the network, or written beside the file.
_CONFIG: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "temp_directory": "",
}
# Python's own variables are no tables then, either.
_LOCK = "SET enable_external_access = false; SET lock_configuration = true"


class Answer:
    """The rows of a query.

    Attributes:
        names: of the columns; no two are equal.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.names: list[str] = []
        for name, *_ in cursor.description:
            free, number = name, 2
            while free in self.names:
                free, number = f"{name}_{number}", number + 1
            self.names.append(free)

    def rows(self) -> Iterator[Sequence[Any]]:
        """The rows, some at a time in memory."""
        while rows := self._cursor.fetchmany(_ROWS_AT_ONCE):
            yield from rows


@contextmanager
def run_query(
    path: Path, sql: str, *, memory: str = MEMORY, seconds: float = SECONDS
) -> Iterator[Answer]:
    """The answer to a query over an export.

    The connection is read-only, and has no access to other files or to the network.

    Args:
        sql: one SELECT, over the table `records` and the views `models.NAME`.
        memory: how much it may take, such as `2GB`.
        seconds: how long it may take, with all that is read from the answer.

    Raises:
        SetupError: the file can't be read, or the query is wrong, too large or too slow.
        MissingExtra: DuckDB isn't installed.
    """
    with failures(path):
        import duckdb

        if not path.is_file():
            raise SetupError(f"there is no export {path}", hint="see podium records export --help")
        connection = duckdb.connect(config=_CONFIG)
        try:
            connection.execute(f"ATTACH {text_literal(str(path))} AS podium (READ_ONLY)")
            _limit(connection, memory)
        except BaseException:
            connection.close()
            raise
    clock = threading.Timer(seconds, connection.interrupt)
    clock.daemon = True
    clock.start()
    try:
        yield Answer(_selected(connection, sql))
    except duckdb.InterruptException as error:
        raise SetupError(
            f"the query took longer than {seconds:g} seconds", hint="allow more with --seconds"
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise SetupError(
            f"the query needs more memory than {memory}", hint="allow more with --memory"
        ) from error
    except duckdb.Error as error:
        raise SetupError(f"the query fails: {error}", hint=_HINT) from error
    finally:
        clock.cancel()
        connection.close()


def _limit(connection: Any, memory: str) -> None:
    import duckdb

    try:
        connection.execute(f"SET memory_limit = {text_literal(memory)}")
    except duckdb.Error as error:
        raise SetupError(f"{memory!r} is no amount of memory", hint="write it as 2GB") from error
    connection.execute(f"USE podium; {_LOCK}")


_HINT = f"the table records has all columns; {SCHEMA}.NAME those of a model: SHOW ALL TABLES"


def _selected(connection: Any, sql: str) -> Any:
    from duckdb import StatementType

    statements = connection.extract_statements(sql)
    kinds = (StatementType.SELECT, StatementType.EXPLAIN)
    if len(statements) != 1 or statements[0].type not in kinds:
        raise SetupError("this isn't one SELECT", hint='such as "select count(*) from records"')
    return connection.execute(statements[0])
