"""Settings: podium.toml, then PODIUM_* variables, then flags; later ones win."""

from __future__ import annotations

import os
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from podium.errors import SetupError

FILE_NAME = "podium.toml"
PREFIX = "PODIUM_"


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One that people log in with elsewhere, by OpenID Connect.

    Attributes:
        issuer: its address; what it can do is read from `/.well-known/openid-configuration` there.
        client_id: as it knows this server.
        client_secret: what it gave this server to prove that.
        name: on the button; that of the table when left out.
        scopes: what is asked of it.
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    name: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")


class Accounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[accounts]`: people log in, and may what they were granted.

    Attributes:
        enabled: there are accounts at all.
        database: where they live; a SQLite file in `home` when empty.
        url: the address that people open, where a proxy stands before this server.
        proxies: how many proxies of one's own stand before it, each adding to X-Forwarded-For.
        mfa: who must confirm a login in a second way; `auto` is staff, where other machines reach.
        email: how mail is sent, as an address like smtp://user:password@host:587; printed when
            empty.
        email_from: who it comes from.
        backends: in place of passwords kept here, classes that tell who people are.
        oidc: where else people can log in, by a short name.
        secret_key: what cookies and links are signed with; one made in `home` when empty.
        django: single settings of Django's, for what isn't said here.
    """

    enabled: bool = False
    database: str = ""
    url: str = ""
    proxies: Annotated[int, msgspec.Meta(ge=0)] = 0
    mfa: Literal["auto", "optional", "staff", "everyone"] = "auto"
    email: str = ""
    email_from: str = ""
    backends: tuple[str, ...] = ()
    oidc: dict[str, Provider] = {}
    secret_key: str = ""
    django: dict[str, Any] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a Podium behaves: one frozen value, made once at start.

    Attributes:
        models: bundles, folders of bundles, model files or `module:function`.
        host: the address to listen at; any but a loopback one needs `accounts` or `open`.
        port: the TCP port to listen at.
        home: the folder for records; made with mode 0700.
        open: answer other machines too, without accounts.
        allowed_hosts: names that requests may use for this server, besides its own addresses.
        records: keep every prediction.
        store: where records live; a SQLite file in `home` when empty.
        trust: SHA-256 digests of pickles that may be loaded.
        title: the name of the site, at the top of its pages.
        body_max_bytes: the longest request body.
        rows_max: the most rows in one request.
        errors_max: the most bad cells listed in one refusal.
        workers: processes that answer; each holds every model.
        durability: what an answered prediction survives: the end of the process (`normal`), the
            loss of power too (`full`), or nothing (`off`).
        outbox_rows_max: the most records that may wait for the store.
        outbox_full: what happens beyond: `refuse` predictions, or `drop` the oldest records.
        keep_days: how long records are kept; 0 is for ever.
        queue_rows_max: the most rows that wait for one model; more are refused at once.
        deadline_s: how long a prediction may take.
        tls_cert: a PEM file with the server's certificate; HTTPS is spoken then.
        tls_key: a PEM file with its private key.
        access_log: write a line about every request.
        quota_token: how many requests a minute one token may make; 0 is any number.
        quota_user: how many a user who is logged in may make.
        quota_address: how many may come from an address that nobody is known at.
        accounts: people log in, and may what they were granted.
    """

    models: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    home: str = "podium-home"
    open: bool = False
    allowed_hosts: tuple[str, ...] = ()
    records: bool = True
    store: str = ""
    trust: tuple[str, ...] = ()
    title: str = "Podium"
    body_max_bytes: int = 2**20
    rows_max: int = 1_000
    errors_max: int = 100
    workers: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    durability: Literal["normal", "full", "off"] = "normal"
    outbox_rows_max: Annotated[int, msgspec.Meta(ge=1)] = 1_000_000
    outbox_full: Literal["refuse", "drop"] = "refuse"
    keep_days: Annotated[int, msgspec.Meta(ge=0)] = 0
    queue_rows_max: Annotated[int, msgspec.Meta(ge=1)] = 10_000
    deadline_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    tls_cert: str = ""
    tls_key: str = ""
    access_log: bool = False
    quota_token: Annotated[int, msgspec.Meta(ge=0)] = 0
    quota_user: Annotated[int, msgspec.Meta(ge=0)] = 0
    quota_address: Annotated[int, msgspec.Meta(ge=0)] = 0
    accounts: Accounts = Accounts()


def read_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of this start.

    Args:
        flags: what the command line or the caller says; None values don't count.
        file: a TOML file; `podium.toml` of the current folder, if there is one, when left out.
        environment: `os.environ` when left out.

    Raises:
        SetupError: a setting is unknown or has a wrong value, or the file can't be read.
    """
    environment = os.environ if environment is None else environment
    values = _of_file(file)
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    for more in (_of_environment(environment), given):
        values = _merged(values, more)
    return _checked(values, "the settings")


def _merged(values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Later values over earlier ones; of a table, those that are said. `accounts = true` is one."""
    merged = {**values, **more}
    said = [one["accounts"] for one in (values, more) if "accounts" in one]
    if said and not isinstance(said[-1], Accounts):
        merged["accounts"] = {}
        for one in said:
            merged["accounts"] |= {"enabled": one} if isinstance(one, bool) else one
    return merged


def _of_file(file: Path | None) -> dict[str, Any]:
    path = file or Path(FILE_NAME)
    if file is None and not path.is_file():
        return {}
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SetupError(f"{path} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} is no TOML: {error}") from error
    _checked(values, str(path))
    return values


def _of_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        name = PREFIX + field.name.upper()
        wanted = bool if field.type is Accounts else field.type
        if name in environment:
            values[field.name] = _from_text(name, environment[name], wanted)
    table = {}
    for field in msgspec.structs.fields(Accounts):
        name = f"{PREFIX}ACCOUNTS_{field.name.upper()}"
        if name in environment:
            table[field.name] = _from_text(name, environment[name], field.type)
    return _merged(values, {"accounts": table}) if table else values


def _from_text(name: str, text: str, wanted: Any) -> Any:
    """A variable's text as its setting's type: lists are separated by commas."""
    if get_origin(wanted) in (Union, types.UnionType):
        wanted = next(one for one in get_args(wanted) if one is not type(None))
    if get_origin(wanted) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if get_origin(wanted) is dict:
        return _from_json(name, text)
    if wanted is bool and text.lower() in ("yes", "on", "no", "off"):
        return text.lower() in ("yes", "on")
    try:
        return msgspec.convert(text, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise SetupError(f"{name}={text!r} can't be used: {error}") from error


def _from_json(name: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise SetupError(
            f"{name}={text!r} is no JSON: {error}", hint="write a table as JSON"
        ) from error


def _checked(values: Mapping[str, Any], where: str) -> Settings:
    known = [field.name for field in msgspec.structs.fields(Settings)]
    for name in values:
        if name not in known:
            raise SetupError(
                f"{where}: no setting is called {name!r}", hint=f"known: {', '.join(known)}"
            )
    if isinstance(values.get("accounts"), bool):
        values = {**values, "accounts": {"enabled": values["accounts"]}}
    try:
        settings = msgspec.convert(dict(values), Settings)
    except msgspec.ValidationError as error:
        raise SetupError(f"{where}: {error}") from error
    if not 0 <= settings.port <= 65535:
        raise SetupError(f"{where}: there is no port {settings.port}", hint="use 0 to 65535")
    for name in ("body_max_bytes", "rows_max", "errors_max"):
        if getattr(settings, name) < 1:
            raise SetupError(f"{where}: {name} is below 1")
    return settings
