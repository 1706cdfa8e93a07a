"""Models whose aliases are set in a server's settings: nobody else can change them.

An event says so, for commands and servers that don't read those settings.
"""

from __future__ import annotations

import apsw

from podium.deployments import rows
from podium.errors import FixedVersions

_FIXED, _RELEASED = "fixed", "released"


def is_fixed(connection: apsw.Connection, model: str) -> bool:
    """Whether the aliases of a model are set in the settings of a server."""
    sql = (
        "SELECT action FROM event WHERE model = ? AND action IN (?, ?) ORDER BY number DESC LIMIT 1"
    )
    last = connection.execute(sql, (model, _FIXED, _RELEASED)).fetchone()
    return last is not None and last[0] == _FIXED


def require_free(connection: apsw.Connection, model: str) -> None:
    """Refuse to change aliases that are set in settings.

    Raises:
        FixedVersions: they are.
    """
    if is_fixed(connection, model):
        raise FixedVersions(
            f"the versions of {model} are set in the server's settings: nothing was changed",
            hint=f"change [versions.{model}] in podium.toml, and start the server again",
        )


def fix(connection: apsw.Connection, model: str) -> None:
    """Say that the aliases of a model are set in settings."""
    if not is_fixed(connection, model):
        _log(connection, model, _FIXED)


def release(connection: apsw.Connection, model: str) -> None:
    """Say that they aren't any more."""
    if is_fixed(connection, model):
        _log(connection, model, _RELEASED)


def _log(connection: apsw.Connection, model: str, action: str) -> None:
    champion = rows.aliases(connection, model).get(rows.CHAMPION, "")
    rows.add_event(connection, model, action, "", champion, champion, "by the settings")
