"""SQLite files through SQLAlchemy: what their connections do beside those of other databases."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

from podium.records.stores.sqlite_file import Identity, identity_of, removed

_log = logging.getLogger("podium")


def prepare(engine: Engine) -> None:
    """Use the log in the connections of an engine, and notice when its file is another one, or gone."""
    event.listen(engine, "connect", _use_log)
    name = engine.url.database
    if name and name != ":memory:" and not name.startswith("file:"):
        file = _File(Path(name))
        event.listen(engine, "do_connect", file.before_connect)
        event.listen(engine, "connect", file.after_connect)
        event.listen(engine, "checkout", file.check)


class _File:
    """The file that connections opened: SQLite goes on writing to one that was removed.

    The first connection creates it. If it is missing later, that is an error.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = identity_of(path)

    def before_connect(self, *_: object) -> None:
        """Keep the driver from creating the file a second time."""
        if self._known is not None:
            self._identity()

    def after_connect(self, _: object, record: Any) -> None:
        """Remember which file it opened."""
        file = self._identity()
        if self._known not in (None, file):
            _log.warning(
                "store_replaced: %s is another file now, which is used from here on", self._path
            )
        self._known = record.info["file"] = file

    def check(self, _: object, record: Any, _fairy: object) -> None:
        """Refuse a connection to a file that isn't in place any more."""
        if self._identity() != record.info["file"]:
            raise DisconnectionError(f"{self._path} was replaced")

    def _identity(self) -> Identity:
        file = identity_of(self._path)
        if file is None:
            raise removed(self._path)
        return file


def _use_log(connection: Any, _: object) -> None:
    """In WAL mode the readers and the writer of a SQLite file don't block each other."""
    connection.execute("PRAGMA journal_mode=WAL").close()
