"""Reads and checks an app's config and the extension's arguments."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from flask import Flask

from podium.access import ALL, Action
from podium.errors import SetupError
from podium.settings import PREFIX, Settings, changed_accounts, read_settings
from podium.sources import Source

Models: TypeAlias = "Mapping[str, Source] | Sequence[Source] | Source"
Grants: TypeAlias = Mapping[str, frozenset[Action]]

# Settings that only a Flask app has, besides those of every Podium.
OWN = (
    "models",
    "url_prefix",
    "public",
    "grants",
    "links",
    "base_template",
    "error_handlers",
    "csp",
)
_URL_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
# A page inside the app's own template uses the app's own styles and scripts.
FRAMED_CSP = "base-uri 'none'; frame-ancestors 'none'; object-src 'none'"


@dataclass(frozen=True, kw_only=True)
class Options:
    """An app's options for its models.

    Attributes:
        sources: the models.
        names: the app's names for them; none if it gives a list.
        url_prefix: where the pages and the API are.
        public: the models that everybody may use; ALL among them means every one.
        grants: what users may do, by the name of a role or by a need of Flask-Principal; None lets
            every known user do everything.
        links: labels, and endpoints or URLs, at the top of our own pages.
        base_template: the app's template around our pages; "" for our own.
        has_error_handlers: whether errors go through the app's error handlers.
        database: Flask-SQLAlchemy's object, or a document of MongoEngine, if the records are in the
            app's own database; else None.
        csp: the Content-Security-Policy of pages inside the base template; "" leaves it to the app.
    """

    sources: tuple[Source, ...]
    names: tuple[str, ...]
    settings: Settings
    url_prefix: str
    public: frozenset[str]
    grants: Mapping[Hashable, Grants] | None
    links: Mapping[str, str]
    base_template: str
    has_error_handlers: bool
    csp: str
    database: Any = None


def read_options(app: Flask, said: Mapping[str, Any]) -> Options:
    """The options of an app: those in its config, then the extension's arguments.

    Raises:
        SetupError: an option is unknown or has an invalid value.
    """
    given = {name: value for name, value in said.items() if value is not None} | _of_config(app)
    models = given.get("models", ())
    is_named = isinstance(models, Mapping)
    return Options(
        sources=tuple(_found(app, one) for one in _sources(models)),
        names=tuple(map(str, models)) if is_named else (),
        settings=_settings(app, given),
        url_prefix=_url_prefix(given.get("url_prefix", "/ml")),
        public=_public(given.get("public", ())),
        grants=_grants(given.get("grants")),
        links=_typed(given, "links", {}),
        base_template=_typed(given, "base_template", ""),
        has_error_handlers=_typed(given, "error_handlers", False),
        csp=_typed(given, "csp", FRAMED_CSP),
        database=_database(given),
    )


def _of_config(app: Flask) -> dict[str, Any]:
    """The options under `PODIUM_*`.

    Raises:
        SetupError: there is no such option.
    """
    known = [*OWN, *(one.name for one in msgspec.structs.fields(Settings) if one.name not in OWN)]
    values = app.config.get_namespace(PREFIX)
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1) or known
            raise SetupError(
                f"the app's config: {PREFIX}{name.upper()} isn't known",
                hint=f"known: {', '.join(PREFIX + one.upper() for one in near)}",
            )
    return {name: value for name, value in values.items() if value is not None}


def _settings(app: Flask, given: Mapping[str, Any]) -> Settings:
    values = {name: value for name, value in given.items() if name not in OWN}
    if _database(given) is not None:
        del values["store"]
    values = {n: os.fspath(v) if isinstance(v, os.PathLike) else v for n, v in values.items()}
    # Texts may come from the environment (`FLASK_PODIUM_ROWS_MAX`), and are parsed in the same way.
    texts = {PREFIX + n.upper(): v for n, v in values.items() if isinstance(v, str)}
    others = {name: value for name, value in values.items() if not isinstance(value, str)}
    # The app's config is complete: neither a podium.toml nor the environment counts by itself.
    read = read_settings(others, file=Path(os.devnull), environment=texts)
    if changed_accounts(read):
        raise SetupError(
            "PODIUM_ACCOUNTS is for Podium's own server",
            hint="users log in to this app with Flask-Login or Flask-Security, or by `identify`",
        )
    # Flask reads no longer bodies, whatever our limit is.
    flask_max = app.config.get("MAX_CONTENT_LENGTH")
    names = ("body_max_bytes", "bulk_body_max_bytes")
    most = {} if flask_max is None else {n: min(getattr(read, n), flask_max) for n in names}
    home = str(Path(app.instance_path) / read.home)
    if read.registry:
        most["registry"] = str(Path(app.instance_path) / read.registry)
    return msgspec.structs.replace(read, home=home, **most)


def is_database(store: object) -> bool:
    """Whether a store is Flask-SQLAlchemy's object, or a class of MongoEngine's documents."""
    return hasattr(store, "metadatas") or is_document(store)


def is_document(store: object) -> bool:
    """Whether a store is a class of MongoEngine's documents."""
    return isinstance(store, type) and hasattr(store, "_get_collection_name")


def _database(given: Mapping[str, Any]) -> Any:
    store = given.get("store")
    return store if is_database(store) else None


def _sources(models: object) -> tuple[Source, ...]:
    if isinstance(models, Mapping):
        return tuple(models.values())
    if isinstance(models, str):
        return tuple(part.strip() for part in models.split(",") if part.strip())
    if isinstance(models, Sequence):
        return tuple(models)
    return (models,)  # type: ignore[return-value] # `bundles_of` refuses all other types


def _found(app: Flask, source: Source) -> Source:
    """A relative path is searched for beside the app's code first, as its templates are."""
    if isinstance(source, (str, Path)):
        beside = Path(app.root_path) / source
        if beside.exists():
            return beside
    return source


def _url_prefix(value: object) -> str:
    prefix = value.rstrip("/") if isinstance(value, str) else ""
    if not _URL_PREFIX.fullmatch(prefix):
        raise SetupError(
            f"{PREFIX}URL_PREFIX is {value!r}",
            hint='give a prefix that begins with a slash, like "/ml"',
        )
    return prefix


def _public(value: object) -> frozenset[str]:
    if value is True:
        return frozenset({ALL})
    if isinstance(value, str):
        return frozenset(part.strip() for part in value.split(",") if part.strip())
    if not value:
        return frozenset()
    if isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(n, str) for n in value):
        return frozenset(value)
    raise SetupError(
        f"{PREFIX}PUBLIC is {value!r}", hint='give a list of models, or "*" for all of them'
    )


def _grants(value: object) -> Mapping[Hashable, Grants] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise SetupError(
            f"{PREFIX}GRANTS is {type(value).__name__}, not a dict",
            hint='write {"analyst": {"churn": ["predict", "see"]}, "admin": "*"}',
        )
    return {who: _granted(said, f"{PREFIX}GRANTS[{who!r}]") for who, said in value.items()}


def _granted(value: object, where: str) -> Grants:
    """The value "*", a list of actions, or either of them by model."""
    if isinstance(value, Mapping):
        return {str(model): _actions(said, where) for model, said in value.items()}
    return {ALL: _actions(value, where)}


def _actions(value: object, where: str) -> frozenset[Action]:
    if value == ALL:
        return frozenset(Action)
    names = [value] if isinstance(value, str) else value
    try:
        return frozenset(Action(name) for name in names)  # type: ignore[attr-defined] # see below
    except (TypeError, ValueError) as error:
        raise SetupError(
            f"{where} is {value!r}",
            hint=f'give "*" or some of: {", ".join(Action)}; or a dict of them, by model',
        ) from error


def _typed(given: Mapping[str, Any], name: str, usual: Any) -> Any:
    value = given.get(name, usual)
    if type(value) is not type(usual):
        raise SetupError(
            f"{PREFIX}{name.upper()} is {value!r}", hint=f"give a {type(usual).__name__}"
        )
    return value
