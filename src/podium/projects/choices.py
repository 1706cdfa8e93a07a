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

# What DNS, Kubernetes, App Platform and Podium all take as a name.
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])")


@dataclass(frozen=True, slots=True)
class Choices:
    """What a new project consists of, as its author chose.

    Attributes:
        name: of the project and of its model.
        app: what there is already, which the model goes into.
        database: where records live; "none" keeps none.
        has_people: people log in.
        is_small: the size of the image matters.
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
        """The prefix of the model's addresses: empty where it is served alone."""
        return "" if self.app == "none" else "/ml"

    @property
    def title(self) -> str:
        """The name as people read it."""
        return self.name.replace("-", " ").capitalize()


def checked_name(name: str) -> str:
    """The name, where everything that gets it can use it.

    Raises:
        SetupError: something can't.
    """
    if not _NAME.fullmatch(name):
        raise SetupError(
            f"a project can't be called {name!r}",
            hint="use 2 to 32 lower-case letters, digits and hyphens, starting with a letter: churn-model",
        )
    return name


def name_from(text: str) -> str:
    """The name that is nearest to a text, "model" where nothing of it is left."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("-0123456789")[:32].strip("-")
    return plain if _NAME.fullmatch(plain) else "model"
