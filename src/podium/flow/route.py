"""Step 0: the version that answers a request, chosen once and kept to the request's end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from podium.flow.request import Prepared, RequestContext
from podium.flow.version import LoadedVersion
from podium.records.business_key import business_key_of
from podium.signature.infer import json_value
from podium.signature.labels import label_text
from podium.table import plain_values

# A request's rows as a version reads them; None where that would take too long here.
Prepare: TypeAlias = Callable[[LoadedVersion], Prepared | None]


class Route(Protocol):
    """Versions of a model, and which of them answers whom: `deployments.traffic.Traffic`."""

    @property
    def champion(self) -> LoadedVersion:
        """What answers, unless the challenger does."""

    @property
    def canary(self) -> LoadedVersion | None:
        """The challenger, where it answers some requests."""

    @property
    def key(self) -> str:
        """The field by whose value requests are divided; "" where the caller decides."""

    def pick(self, key: str) -> LoadedVersion:
        """The version that answers the requests with this key."""

    def find(self, digest: str) -> LoadedVersion | None:
        """The version of this digest, where it can answer."""


def routed(
    route: Route, context: RequestContext, prepare: Prepare, new_id: Callable[[], str]
) -> tuple[LoadedVersion, Prepared | None]:
    """The version that answers a request, and the request's rows as that version reads them.

    A request goes to one version as a whole, whatever its rows hold: its first row decides.

    Args:
        new_id: makes the id of a record; that of the first is the key where there is no other.

    Raises:
        InputError: as `prepare` does.
    """
    if route.canary is None:
        return route.champion, prepare(route.champion)
    prepared, key = None, ""
    if route.key:
        prepared = prepare(route.champion)
        if prepared is None:
            return route.champion, None
        key = _key_in(prepared, route)
    key = key or caller_key(context)
    request_id = "" if key else new_id()
    version = route.pick(key or request_id)
    if prepared is None or version is not route.champion:
        prepared = prepare(version)
    if prepared is not None:
        prepared.request_id = request_id
    return version, prepared


def caller_key(context: RequestContext) -> str:
    """The key of a request by who sends it; "" where nothing says."""
    key = f"{context.client} {context.key}" if context.key else ""
    return context.business_key or context.actor.owner or key


def _key_in(prepared: Prepared, route: Route) -> str:
    """The value of the field that decides, in the first row; "" where it is missing."""
    field = route.champion.signature.field(route.key)
    first = prepared.reader.table(prepared.rows[:1]) if prepared.rows else prepared.table
    (value,) = plain_values(first.columns[field.name][:1])
    value = json_value(value, field)
    text = label_text(value) if isinstance(value, bool) else value
    return business_key_of(text) or ""
