"""Links to lists of records that people saved under a name, each for themselves."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from podium.errors import InputError
from podium.records.home_file import HomeFile
from podium.records.storable import text_problem

# Of one person and one model.
LINKS_MAX = 30
NAME_MAX = 60
QUERY_MAX = 4_000
_TABLES = """
CREATE TABLE link (
    owner TEXT NOT NULL,
    model TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    PRIMARY KEY (owner, model, name)
) STRICT, WITHOUT ROWID;
"""


class SavedLink(NamedTuple):
    """A link.

    Attributes:
        query: the part of the address after the question mark.
    """

    name: str
    query: str


class SavedLinks(HomeFile):
    """The database of all saved links; it is made when the first one is saved."""

    application_id = 0x506F6C69  # "Poli"
    migrations = (_TABLES,)

    def of(self, owner: str, model: str) -> tuple[SavedLink, ...]:
        """The links of somebody to the records of a model, by name.

        Raises:
            StoreError: the file can't be read.
        """
        if not owner:
            return ()
        with self.looking() as connection:
            if connection is None:
                return ()
            sql = "SELECT name, query FROM link WHERE owner = ? AND model = ? ORDER BY name"
            return tuple(SavedLink(*row) for row in connection.execute(sql, (owner, model)))

    def save(self, owner: str, model: str, name: str, query: str) -> SavedLink:
        """Save a link; an earlier one of the same name is replaced.

        Args:
            query: of the address of a list of records; its parameters are written again, so that it
                leads nowhere else.

        Raises:
            InputError: the name or the query is invalid, or there are too many links.
            StoreError: the file can't be changed.
        """
        name = " ".join(name.split())
        problem = text_problem(name) or text_problem(query)
        if problem or not name or not name.isprintable():
            raise InputError(f"a link needs a name: {problem or 'a few words'}")
        if len(name) > NAME_MAX:
            raise InputError(f"the name of a link has {NAME_MAX} characters at most")
        query = urlencode(parse_qsl(query.removeprefix("?"), errors="replace"))
        if len(query) > QUERY_MAX:
            raise InputError("this search is too long to be saved", hint="choose fewer columns")
        with self.changing() as connection:
            sql = "SELECT count(*) FROM link WHERE owner = ? AND model = ? AND name != ?"
            if connection.execute(sql, (owner, model, name)).get >= LINKS_MAX:
                raise InputError(
                    f"you have saved {LINKS_MAX} links to the records of {model}",
                    hint="remove one of them first",
                )
            connection.execute(
                "INSERT OR REPLACE INTO link VALUES (?, ?, ?, ?)", (owner, model, name, query)
            )
        return SavedLink(name, query)

    def remove(self, owner: str, model: str, name: str) -> None:
        """Remove a link, if there is one of this name.

        Raises:
            StoreError: the file can't be changed.
        """
        with self.changing() as connection:
            sql = "DELETE FROM link WHERE owner = ? AND model = ? AND name = ?"
            connection.execute(sql, (owner, model, name))
