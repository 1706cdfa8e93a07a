"""The project's setting `PODIUM`, read and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings as project

from podium.access import ALL
from podium.errors import SetupError
from podium.settings import Settings, changed_accounts, read_settings
from podium.sources import Source

NAME = "PODIUM"
# Settings that only a Django project has, besides those of every Podium.
OWN = ("models", "public", "base_template", "store")
ORM = "orm"


@dataclass(frozen=True)
class Options:
    """The project's options for its models.

    Attributes:
        sources: the models.
        names: the project's names for them; none if it gives a list.
        public: the models that need no permission; ALL among them means every one.
        base_template: the project's template around our pages; "" for our own.
        has_orm_store: whether records are in the project's database.
    """

    sources: tuple[Source, ...]
    names: tuple[str, ...]
    settings: Settings
    public: frozenset[str]
    base_template: str
    has_orm_store: bool

    def is_public(self, model: str) -> bool:
        """Whether everybody may use this model."""
        return ALL in self.public or model in self.public


def read_options(value: object = None) -> Options:
    """The options in the project's settings.

    Args:
        value: in place of the project's `PODIUM`.

    Raises:
        SetupError: an option is unknown or has an invalid value.
    """
    given = _mapping(getattr(project, NAME, {}) if value is None else value)
    models = given.get("models", {})
    store = _text(given, "store", ORM) or ORM
    return Options(
        sources=_sources(models),
        names=tuple(map(str, models)) if isinstance(models, Mapping) else (),
        settings=_settings(given, "" if store == ORM else store),
        public=_public(given.get("public", ())),
        base_template=_text(given, "base_template", ""),
        has_orm_store=store == ORM,
    )


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise SetupError(
            f"{NAME} is {type(value).__name__}, not a dict",
            hint=f'write {NAME} = {{"models": {{"churn": BASE_DIR / "churn.podium"}}}}',
        )
    return dict(value)


def _sources(models: object) -> tuple[Source, ...]:
    if isinstance(models, Mapping):
        return tuple(models.values())
    if isinstance(models, Sequence) and not isinstance(models, str):
        return tuple(models)
    raise SetupError(
        f'{NAME}["models"] is {type(models).__name__}', hint="give a dict of names and files"
    )


def _settings(given: Mapping[str, Any], store: str) -> Settings:
    values = {name: value for name, value in given.items() if name not in OWN}
    values = {name: _plain(value) for name, value in values.items()} | {"store": store}
    values.setdefault("home", str(Path(getattr(project, "BASE_DIR", ".")) / "podium-home"))
    # The project's settings are complete: neither a podium.toml nor the environment counts.
    try:
        read = read_settings(values, file=Path(os.devnull), environment={})
    except SetupError as error:
        known = ", ".join(OWN)
        raise SetupError(f"{NAME}: {error.message}", hint=f"{error.hint}, {known}") from error
    if changed_accounts(read):
        raise SetupError(
            f'{NAME}["accounts"] is for Podium\'s own server',
            hint="users log in with this project's own login",
        )
    # Django itself refuses longer bodies, with a page that no program can read.
    django_max = project.DATA_UPLOAD_MAX_MEMORY_SIZE
    if django_max is None:
        return read
    names = ("body_max_bytes", "bulk_body_max_bytes")
    most = {name: min(getattr(read, name), django_max) for name in names}
    return msgspec.structs.replace(read, **most)


def _plain(value: Any) -> Any:
    """A value as in a settings file."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _public(value: object) -> frozenset[str]:
    if value is True:
        return frozenset({ALL})
    if isinstance(value, str):
        return frozenset({value})
    if not value:
        return frozenset()
    if isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(n, str) for n in value):
        return frozenset(value)
    raise SetupError(
        f'{NAME}["public"] is {value!r}', hint='give a list of models, or "*" for all of them'
    )


def _text(given: Mapping[str, Any], name: str, usual: str) -> str:
    value = given.get(name, usual)
    if not isinstance(value, str):
        raise SetupError(f'{NAME}["{name}"] is {type(value).__name__}', hint="give a text")
    return value
