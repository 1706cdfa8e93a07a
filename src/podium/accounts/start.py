"""Before the server starts: Django's configuration, its tables, and an administrator."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from podium.app import create_home
from podium.errors import SetupError, StoreError
from podium.plugins import needs
from podium.settings import Settings

FOLDER = "accounts"
# The name of the lock, for databases that have named locks; any unused number will do.
LOCK_NAME = "podium_migrate"
LOCK_NUMBER = 7_066_849
LOCK_WAIT_S = 60


def configure(settings: Settings) -> None:
    """Configure Django for this process, once, from the settings.

    Raises:
        MissingExtra: Django or one of its dependencies isn't installed.
        SetupError: a setting is invalid, or Django was already configured differently.
    """
    with needs("accounts"):
        import allauth.mfa  # noqa: F401 - reported before Django reports it with a traceback
        import argon2  # noqa: F401
        import django
        import fido2  # noqa: F401
        from django.conf import settings as project

        from podium.accounts.generated import DATABASE, django_settings
    folder = create_home(create_home(Path(settings.home)) / FOLDER)
    values = django_settings(settings, folder)
    if project.configured:
        if getattr(project, "PODIUM_HOME", None) != str(folder):
            raise SetupError(
                "Django is already configured in this process",
                hint="add podium.hosts.django to its INSTALLED_APPS instead",
            )
        return
    _load_driver(values["DATABASES"]["default"])
    if not settings.accounts.database:
        (folder / DATABASE).touch(0o600)
    # Not for Django, but for our own parts in it.
    project.configure(**values, PODIUM_HOME=str(folder), PODIUM_SETTINGS=_Quiet(settings))
    django.setup()


def gated(settings: Settings) -> Settings:
    """The settings, with the host name of the public URL among the allowed hosts."""
    public = urlsplit(settings.accounts.url).hostname
    if public is None:
        return settings
    return msgspec.structs.replace(settings, allowed_hosts=(*settings.allowed_hosts, public))


def prepare(settings: Settings) -> str | None:
    """Migrate the database, and create a set-up link if there is no administrator.

    No connection is left open, so that processes can be forked afterwards.

    Returns:
        The path of a link that creates the first administrator, once; None if there is one.

    Raises:
        StoreError: the database is unavailable.
    """
    configure(settings)
    from podium.accounts.links import new_link

    return migrate(settings, then=new_link)


def welcome(settings: Settings, address: str, path: str | None) -> str:
    """The message about the accounts at start.

    Args:
        path: of the link that creates the first administrator, if there is none.
    """
    from podium.accounts.reach import is_exposed, is_https

    public = settings.accounts.url.rstrip("/") or address
    lines = ["", f"  log in     {public}/accounts/login/", f"  admin      {public}/admin/"]
    if path is not None:
        lines += ["", "Create the first administrator within 15 minutes:", f"  {public}{path}"]
    if is_exposed(settings) and not is_https(settings):
        lines += ["", "Passwords are sent unencrypted: use HTTPS, with --tls-cert or a proxy."]
    if is_exposed(settings) and not settings.accounts.url:
        lines += ["", "No email is sent until `url` in [accounts] is set, which its links need."]
        if not settings.allowed_hosts:
            lines += ["Until then, or with --allowed-host, other machines are refused, too."]
    return "\n".join(lines)


def migrate(settings: Settings, then: Callable[[], str | None] | None = None) -> str | None:
    """Migrate the tables to this version, and call `then` before any other process does.

    Raises:
        StoreError: the database is unavailable.
    """
    from django.core.management import call_command
    from django.db import Error, connections

    try:
        with migration_lock(Path(settings.home) / FOLDER):
            call_command("migrate", verbosity=0, interactive=False)
            call_command("createcachetable", verbosity=0)
            return None if then is None else then()
    except Error as error:
        raise StoreError(
            f"the accounts database can't be used: {error}",
            hint="check `database` in [accounts], and whether the database is running",
        ) from error
    finally:
        connections.close_all()


@contextmanager
def migration_lock(folder: Path) -> Iterator[None]:
    """Admits one process at a time, of all that share the database.

    Raises:
        SetupError: another one holds the lock for too long.
    """
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK_NUMBER])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK_NUMBER])
    elif connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT GET_LOCK(%s, %s)", [LOCK_NAME, LOCK_WAIT_S])
            if cursor.fetchone() != (1,):
                raise SetupError("another server is migrating the accounts' tables", hint="wait")
            try:
                yield
            finally:
                cursor.execute("SELECT RELEASE_LOCK(%s)", [LOCK_NAME])
    else:
        with _file_lock(folder / "migrate.lock"):
            yield


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows starts one process only
        yield
        return
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _load_driver(database: dict[str, Any]) -> None:
    """Let PyMySQL stand in for mysqlclient, which needs a compiler, if that isn't installed.

    Raises:
        MissingExtra: there is no driver for the database.
    """
    engine = database["ENGINE"]
    if engine == "django.db.backends.mysql":
        try:
            import MySQLdb  # type: ignore[import-untyped, unused-ignore] # noqa: F401
        except ModuleNotFoundError:
            with needs("mysql"):
                import pymysql
            pymysql.install_as_MySQLdb()
    elif engine == "django.db.backends.postgresql":
        with needs("postgresql"):
            import psycopg  # noqa: F401


class _Quiet:
    """Our settings, for our parts inside Django; its repr hides them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __repr__(self) -> str:
        return "podium's own"
