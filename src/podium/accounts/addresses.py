"""The addresses of databases and mail servers, converted for Django."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from podium.accounts.secret import Secret
from podium.errors import SetupError
from podium.policy.gate import is_loopback

SQLITE = "django.db.backends.sqlite3"
# Writers wait for each other, and readers for nobody. FULL would only protect from a power failure,
# which costs a session or two.
_SQLITE_OPTIONS = {
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
}
_MAIL = {
    "smtp": {"EMAIL_PORT": 587, "EMAIL_USE_TLS": True},
    "smtps": {"EMAIL_PORT": 465, "EMAIL_USE_SSL": True},
    "smtp+plain": {"EMAIL_PORT": 25},
}
_BACKEND = "django.core.mail.backends.{}.EmailBackend"


def database_of(address: str, file: Path) -> dict[str, Any]:
    """The database at an address, for `DATABASES`; a SQLite file if it is empty.

    Raises:
        SetupError: the address is invalid.
    """
    import dj_database_url

    if not address:
        address = f"sqlite:///{file.absolute()}"
    dj_database_url.register("mariadb", "django.db.backends.mysql")
    try:
        found: dict[str, Any] = dict(dj_database_url.parse(address))
    except (ValueError, dj_database_url.ParseError) as error:
        raise SetupError(
            f"no accounts database at {_without_password(address)!r}",
            hint="use a URL like postgresql://user:password@host/name, or mysql://...",
        ) from error
    options = dict(found.get("OPTIONS") or {})
    if found["ENGINE"] == SQLITE:
        options = _SQLITE_OPTIONS | options
    elif found["ENGINE"] == "django.db.backends.mysql":
        options = {"charset": "utf8mb4", "isolation_level": "read committed"} | options
    return found | {"PASSWORD": Secret(found.get("PASSWORD") or ""), "OPTIONS": options}


def mail_of(address: str) -> dict[str, Any]:
    """Django's settings for sending mail through an address; mail is printed if it is empty.

    Raises:
        SetupError: the address is invalid.
    """
    if not address:
        return {"EMAIL_BACKEND": _BACKEND.format("console")}
    parts = urlsplit(address)
    if parts.scheme == "file" and parts.path:
        return {"EMAIL_BACKEND": _BACKEND.format("filebased"), "EMAIL_FILE_PATH": parts.path}
    if parts.scheme not in _MAIL or not parts.hostname:
        raise SetupError(
            f"email can't be sent through {_without_password(address)!r}",
            hint="use smtp://user:password@host:587 (STARTTLS), smtps://..., or file:///folder",
        )
    settings = {
        "EMAIL_BACKEND": _BACKEND.format("smtp"),
        "EMAIL_HOST": parts.hostname,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": Secret(unquote(parts.password or "")),
        "EMAIL_TIMEOUT": 10,
        **_MAIL[parts.scheme],
    }
    return settings | ({"EMAIL_PORT": parts.port} if parts.port else {})


def is_private(url: str) -> bool:
    """Whether nobody on the way can listen: by HTTPS, or because it doesn't leave this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def _without_password(address: str) -> str:
    start, at, end = address.rpartition("@")
    return f"{start.rpartition(':')[0]}:...{at}{end}" if at else address
