"""The choices for a new project."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from podium.errors import SetupError
from podium.projects.databases import SERVERS, DatabaseServer

App: TypeAlias = Literal["none", "flask", "django"]
Database: TypeAlias = Literal[
    "none",
    "sqlite",
    "postgresql",
    "mysql",
    "sqlserver",
    "mongodb",
    "redis",
    "elasticsearch",
    "opensearch",
    "cassandra",
    "couchbase",
    "dynamodb",
]

APPS: tuple[App, ...] = ("none", "flask", "django")
DATABASES: tuple[Database, ...] = get_args(Database)

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

    Raises:
        SetupError: the app can't use this database.
    """

    name: str
    app: App = "none"
    database: Database = "sqlite"
    has_people: bool = False
    is_small: bool = True

    def __post_init__(self) -> None:
        if not fits(self.app, self.database):
            raise SetupError(
                f"inside a Django project predictions are stored in its own database, and "
                f"{self.database} can't be that of a new one",
                hint="choose sqlite, postgresql or mysql; docs/how-to/django-mongodb.md has MongoDB",
            )

    @property
    def server(self) -> DatabaseServer | None:
        """The database, if it is a server of its own."""
        return SERVERS.get(self.database)

    @property
    def holds_accounts(self) -> bool:
        """Whether the database is a server that users can be stored in, too."""
        return self.server is not None and self.server.holds_accounts

    @property
    def has_files(self) -> bool:
        """Whether files are stored: records, or accounts, which every Django project has."""
        has_accounts = self.has_people or self.app == "django"
        return self.database == "sqlite" or (has_accounts and not self.holds_accounts)

    @property
    def prefix(self) -> str:
        """The prefix of the model's URLs: empty if it is served alone."""
        return "" if self.app == "none" else "/ml"

    @property
    def title(self) -> str:
        """The name in a readable form."""
        return self.name.replace("-", " ").capitalize()


def fits(app: str, database: str) -> bool:
    """Whether an app can use a database: Django keeps records in that of all its tables."""
    server = SERVERS.get(database)
    return app != "django" or server is None or server.holds_accounts


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
