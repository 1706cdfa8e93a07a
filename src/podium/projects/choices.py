"""The choices for a new project."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from podium.errors import SetupError

App: TypeAlias = Literal["none", "flask", "django"]
Database: TypeAlias = Literal["none", "sqlite", "postgresql", "mysql"]

APPS: tuple[App, ...] = ("none", "flask", "django")
DATABASES: tuple[Database, ...] = ("none", "sqlite", "postgresql", "mysql")

# Names that DNS, Kubernetes, App Platform and Podium all accept.
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])")


@dataclass(frozen=True, slots=True)
class Choices:
    """The author's choices for a new project.

    Attributes:
        name: of the project and of its model.
        app: the existing app that the model is added to.
        database: where records are stored; "none" stores none.
        has_people: whether users log in.
        is_small: whether the size of the image matters.
    """

    name: str
    app: App = "none"
    database: Database = "sqlite"
    has_people: bool = False
    is_small: bool = True

    @property
    def has_server(self) -> bool:
        """Whether the database is a server of its own."""
        return self.database in ("postgresql", "mysql")

    @property
    def has_files(self) -> bool:
        """Whether files are stored: records, or accounts, which every Django project has."""
        has_accounts = self.has_people or self.app == "django"
        return self.database == "sqlite" or (has_accounts and not self.has_server)

    @property
    def prefix(self) -> str:
        """The prefix of the model's URLs: empty if it is served alone."""
        return "" if self.app == "none" else "/ml"

    @property
    def title(self) -> str:
        """The name in a readable form."""
        return self.name.replace("-", " ").capitalize()


def checked_name(name: str) -> str:
    """The name, if everything that uses it accepts it.

    Raises:
        SetupError: something doesn't.
    """
    if not _NAME.fullmatch(name):
        raise SetupError(
            f"a project can't be called {name!r}",
            hint="use 2 to 32 lower-case letters, digits and hyphens, starting with a letter: churn-model",
        )
    return name


def name_from(text: str) -> str:
    """The valid name nearest to a text; "model" if nothing of it remains."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("-0123456789")[:32].strip("-")
    return plain if _NAME.fullmatch(plain) else "model"
