"""Which records an actor may see: everybody's, their own, or none."""

from __future__ import annotations

import re

from podium.access import Action, Actor, allowed
from podium.errors import NotFound
from podium.flow.version import LoadedVersion
from podium.records.record import Record
from podium.records.store import Store
from podium.web.site import Site


def record_store(site: Site) -> Store:
    """The store of a site's records.

    Raises:
        NotFound: nothing is recorded.
    """
    if site.store is None:
        raise NotFound(
            "records aren't stored here",
            hint="the setting `records` is off, or the server was started with --no-records",
        )
    return site.store


def visible_models(site: Site, actor: Actor) -> list[str]:
    """The models whose records an actor may see: everybody's, or only their own."""
    return [name for name in site.deployments if allowed(actor, Action.SEE_OWN, name)]


def visible_model(site: Site, actor: Actor, name: str = "") -> LoadedVersion:
    """The model of this name, or the first one, even if it can't be loaded: its records exist.

    Raises:
        ModelNotLoaded: its bundle can't even be opened.
        NotFound: there is none whose records the actor may see.
    """
    models = visible_models(site, actor)
    name = name or next(iter(models), "")
    if name in models:
        return site.deployments[name].choose()
    if failure := site.failure(name, actor):
        raise failure
    raise NotFound(f"no model is called {name!r}", hint=f"known: {', '.join(models) or 'none'}")


def find_record(store: Store, record_id: str) -> Record | None:
    """The record with this id; None also if the text isn't an id."""
    return store.get(record_id) if re.fullmatch(r"[0-9a-f]{32}", record_id) else None


def may_see(actor: Actor, record: Record) -> bool:
    """Whether an actor may see a record: anyone's, or only their own."""
    if allowed(actor, Action.SEE, record.model):
        return True
    return record.owner == actor.owner and allowed(actor, Action.SEE_OWN, record.model)


def visible_record(site: Site, actor: Actor, record_id: str) -> tuple[Record, LoadedVersion]:
    """The record with this id, and the version of its model that is served now.

    Raises:
        NotFound: there is none that the actor may see.
        StoreError: the store fails.
    """
    record = find_record(record_store(site), record_id)
    version = None if record is None else site.find(record.model)
    if record is None or version is None or not may_see(actor, record):
        raise NotFound("there is no such record", hint="look it up in the records of its model")
    return record, version
