"""Who asks, as the project knows its users, and what Django's permissions let them do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from django.conf import settings as project
from django.contrib.auth import get_user_model
from django.db import Error, close_old_connections, connections
from django.shortcuts import resolve_url
from django.utils import timezone

from podium.access import Action, Actor
from podium.errors import StoreError
from podium.hosts.django import changes
from podium.hosts.django.appear import note_models
from podium.hosts.django.audit import has_field
from podium.hosts.django.models import ApiToken
from podium.hosts.django.permissions import granted_to, granted_to_groups, joined
from podium.hosts.django.remembered import Remembered, Snapshot, TokenTable
from podium.hosts.django.tokens import digest_of, narrowed, refusal
from podium.web.http import Request

# What everybody may do with a model that the project's settings make public.
PUBLIC_ACTIONS = frozenset({Action.PREDICT})
HEADERS_MAX = 4_096
_USED_EVERY = dt.timedelta(minutes=1)


class DjangoAuthority:
    """Asks the project's user model, its back ends and its database, each time.

    Args:
        models: the version that is served, by the model's name.
        public: the models that everybody may ask; ALL among them means every one.
    """

    def __init__(self, models: Mapping[str, str], public: Collection[str] = ()) -> None:
        self._public = dict.fromkeys(public, PUBLIC_ACTIONS)
        self._models = dict(models)
        self._are_noted = False

    def of_page(self, request: Request) -> Actor:
        """The user of the session.

        Raises:
            StoreError: the database failed.
        """
        user = getattr(request.native, "user", None)
        with _told():
            for_public, for_everyone = self._of_groups()
            if user is None or not user.is_authenticated:
                return Actor(grants=for_public)
            return _actor(user, joined(granted_to(user, self._models), for_everyone))

    def of_api(self, request: Request) -> Actor:
        """The owner of the token, as far as it is for that; the public where there is none.

        Raises:
            NotAuthenticated: the token isn't valid.
            StoreError: the database failed.
        """
        header = request.headers.get("authorization", "").encode("latin-1", "replace")
        with _told():
            for_public, for_everyone = self._of_groups()
            if not header:
                return Actor(grants=for_public)
            now = timezone.now()
            token = _valid(now).filter(digest=digest_of(header)).first()
            if token is None or not token.user.is_active:
                raise refusal()
            if token.last_used_at is None or token.last_used_at < now - _USED_EVERY:
                ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
            return _actor_with(token, joined(granted_to(token.user, self._models), for_everyone))

    def login_url(self, request: Request) -> str | None:
        """The project's `LOGIN_URL`, and back."""
        query = f"?{request.query_string}" if request.query_string else ""
        back = urlencode({"next": request.url(request.path) + query})
        return f"{resolve_url(project.LOGIN_URL)}?{back}"

    def links(self, request: Request) -> Sequence[tuple[str, str]]:  # noqa: ARG002 - as every one
        """None: the project has its own."""
        return ()

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        """Write it into the audit log.

        Raises:
            StoreError: the database failed.
        """
        from podium.hosts.django.audit import write

        with _told():
            write(event, actor=actor, target=fields.pop("target", ""), details=fields)

    def _of_groups(self) -> tuple[Mapping[str, frozenset[Action]], ...]:
        """What the public may, and what everyone who is logged in may."""
        if not self._are_noted:
            self._note_models()
        for_public, for_everyone = granted_to_groups(self._models)
        return joined(for_public, self._public), joined(for_everyone, self._public)

    def _note_models(self) -> None:
        note_models(self._models)
        self._are_noted = True


class RememberingAuthority(DjangoAuthority):
    """Knows tokens from memory, as our own server wants them: half a second old at most."""

    def __init__(self, models: Mapping[str, str], public: Collection[str] = ()) -> None:
        super().__init__(models, public)
        self._table = TokenTable(
            self._snapshot, _digests, changes.stamp, _note_used, connections.close_all
        )
        self._actors: dict[bytes, Actor] = {}
        self._actors_version = -1

    @property
    def version(self) -> int:
        """What changes whenever somebody's rights may have."""
        return self._table.version

    def of_token(self, header: bytes) -> Actor:
        """The owner of the token in this header, as far as it is for that.

        Raises:
            NotAuthenticated: the token isn't valid.
            StoreError: the database hasn't been read for too long.
        """
        version = self._table.version
        if version != self._actors_version:
            self._actors, self._actors_version = {}, version
        actors = self._actors
        found = actors.get(header)
        if found is None:
            found = self._table.find(digest_of(header)) if header else self._table.public()
            if found is None:
                raise refusal()
            if len(actors) < HEADERS_MAX:
                actors[header] = found
        return found

    def of_api(self, request: Request) -> Actor:
        """The same, for every other road to the API."""
        return self.of_token(request.headers.get("authorization", "").encode("latin-1", "replace"))

    def close(self) -> None:
        """End the thread that reads."""
        self._table.close()

    def _snapshot(self) -> Snapshot:
        close_old_connections()
        for_public, for_everyone = self._of_groups()
        rights: dict[Any, Mapping[str, frozenset[Action]]] = {}
        found: dict[str, Remembered] = {}
        for token in _valid(timezone.now()):
            if not token.user.is_active:
                continue
            owner = token.user_id
            if owner not in rights:
                rights[owner] = joined(granted_to(token.user, self._models), for_everyone)
            actor = _actor_with(token, rights[owner])
            found[token.digest] = Remembered(actor, token.expires_at.timestamp(), token.pk)
        return Snapshot(found, Actor(grants=for_public))


def _valid(now: dt.datetime) -> Any:
    """Tokens that aren't revoked and not too old, with their owners."""
    return ApiToken.objects.filter(revoked_at=None, expires_at__gt=now).select_related("user")


def _digests() -> frozenset[str]:
    """Of the tokens that are valid, and whose owners are active."""
    rows = _valid(timezone.now())
    if has_field(get_user_model(), "is_active"):
        rows = rows.filter(user__is_active=True)
    return frozenset(rows.values_list("digest", flat=True))


def _note_used(token_ids: AbstractSet[int]) -> None:
    if not token_ids:
        return
    ids, now = sorted(token_ids), timezone.now()
    for start in range(0, len(ids), 500):  # what a statement can hold
        ApiToken.objects.filter(pk__in=ids[start : start + 500]).update(last_used_at=now)


def _actor(user: Any, grants: Mapping[str, frozenset[Action]], via: str = "") -> Actor:
    name = user.get_username()
    short = getattr(user, "get_short_name", lambda: "")()
    return Actor(name, short or name, grants, via)


def _actor_with(token: ApiToken, grants: Mapping[str, frozenset[Action]]) -> Actor:
    return _actor(token.user, narrowed(grants, token), token.name)


@contextmanager
def _told() -> Iterator[None]:
    """Says of the database's errors what every store's are called."""
    try:
        yield
    except Error as error:
        raise StoreError(f"the accounts' database failed: {error}") from error
