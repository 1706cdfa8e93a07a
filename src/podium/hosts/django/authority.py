"""Authentication by the project's users, and what Django's permissions allow them."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings as project
from django.contrib.auth import get_user_model
from django.db import Error, close_old_connections, connections
from django.db.models import QuerySet
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils import timezone

from podium.access import Action, Actor
from podium.errors import AccountsError
from podium.hosts.django import changes
from podium.hosts.django.appear import note_models
from podium.hosts.django.audit import has_field
from podium.hosts.django.models import ApiToken
from podium.hosts.django.models.prediction import owner_of
from podium.hosts.django.permissions import granted_to, granted_to_groups, joined
from podium.hosts.django.remembered import UNREAD, Remembered, Snapshot, TokenTable
from podium.hosts.django.tokens import digest_of, narrowed, refusal, valid_tokens
from podium.http import Request
from podium.policy.authority import WayOut

# What everybody may do with a model that the project's settings make public.
PUBLIC_ACTIONS = frozenset({Action.PREDICT})
HEADERS_MAX = 4_096
_log = logging.getLogger("podium")
_USED_EVERY = dt.timedelta(minutes=1)


def login_address() -> str | None:
    """The project's login page; None if its `LOGIN_URL` doesn't exist."""
    try:
        address = resolve_url(project.LOGIN_URL)
        path = urlsplit(address).path
        if urlsplit(address).netloc or not path.startswith("/"):
            return address  # elsewhere, so it can't be checked
        resolve(f"/{path.removeprefix(get_script_prefix())}")
    except (NoReverseMatch, Resolver404):
        return None
    return address


def _is_there(root: str) -> bool:
    try:
        resolve(f"/{root.removeprefix(get_script_prefix())}")
    except Resolver404:
        return False
    return True


class DjangoAuthority:
    """Queries the project's user model, its back ends and its database, each time.

    While the database can't be read, the public permissions are those that this process read last,
    or at least those that the project's settings grant. Nothing else is granted.

    Args:
        models: the served version, by the model's name; "" if it can't be served.
        public: the models that everybody may use; ALL among them means every one.
    """

    takes_tokens = True

    def __init__(self, models: Mapping[str, str], public: Collection[str] = ()) -> None:
        self._public = dict.fromkeys(public, PUBLIC_ACTIONS)
        self._for_public: Mapping[str, frozenset[Action]] = self._public
        self._models = dict(models)
        self._are_noted = False
        self._health = ""

    @property
    def health(self) -> str:
        """Why the accounts can't be read, without confidential details; "" if they can."""
        return self._health

    def of_page(self, request: Request) -> Actor:
        """The user of the session.

        Raises:
            AccountsError: the database failed.
        """
        user = getattr(request.native, "user", None)
        with self._database_errors():
            if user is None or not user.is_authenticated:
                return self._anonymous()
            _, for_everyone = self._of_groups()
            return _actor(user, joined(granted_to(user, self._models), for_everyone))

    def of_api(self, request: Request) -> Actor:
        """The owner of the token, limited to its scope; the public without one.

        Raises:
            NotAuthenticated: the token is invalid.
            AccountsError: the database failed.
        """
        header = request.headers.get("authorization", "").encode("latin-1", "replace")
        if not header:
            return self._anonymous()
        with self._database_errors():
            _, for_everyone = self._of_groups()
            token = self._tokens().filter(digest=digest_of(header)).first()
            if token is None or not token.user.is_active:
                raise refusal()
            now = timezone.now()
            if token.last_used_at is None or token.last_used_at < now - _USED_EVERY:
                ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
            return _actor_with(token, joined(granted_to(token.user, self._models), for_everyone))

    def login_url(self, request: Request) -> str | None:
        """The project's `LOGIN_URL`, and back; None if it doesn't exist."""
        address = login_address()
        if address is None:
            return None
        query = f"?{request.query_string}" if request.query_string else ""
        back = urlencode({"next": request.url(request.path) + query})
        return f"{address}?{back}"

    def links(self, request: Request) -> Sequence[tuple[str, str]]:  # noqa: ARG002 - as Authority
        """No links: the project has its own."""
        return ()

    def way_out(self, request: Request) -> WayOut:
        """The project's root, if it has one, and its URL `logout`, which takes a form."""
        root, log_out = get_script_prefix(), ""
        with suppress(NoReverseMatch):
            log_out = reverse("logout")
        is_ours = request.root_path.rstrip("/") == root.rstrip("/")
        return WayOut("" if is_ours or not _is_there(root) else root, log_out, bool(log_out))

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        """Write an event to the audit log.

        Raises:
            AccountsError: the database failed.
        """
        from podium.hosts.django.audit import write

        with self._database_errors():
            write(event, actor=actor, target=fields.pop("target", ""), details=fields)

    def _tokens(self) -> QuerySet[ApiToken]:
        """The valid tokens, as far as the database can tell, with their owners."""
        return valid_tokens()

    def _of_groups(self) -> tuple[Mapping[str, frozenset[Action]], ...]:
        """The permissions of the public, and those of everyone who is logged in."""
        if not self._are_noted:
            self._note_models()
        for_public, for_everyone = granted_to_groups(self._models)
        self._health = ""
        self._for_public = joined(for_public, self._public)
        return self._for_public, joined(for_everyone, self._public)

    def _anonymous(self) -> Actor:
        """An anonymous actor, also while the database is down."""
        with suppress(AccountsError), self._database_errors():
            self._of_groups()
        return Actor(grants=self._for_public)

    @contextmanager
    def _database_errors(self) -> Iterator[None]:
        """Raise the database's errors as AccountsError."""
        try:
            yield
        except Error as error:
            if not self._health:
                _log.error("accounts_not_read: %s", error)
            self._health = UNREAD
            raise AccountsError(f"the accounts' database failed: {error}") from error

    def _note_models(self) -> None:
        note_models(self._models)
        self._are_noted = True


class RememberingAuthority(DjangoAuthority):
    """Verifies tokens in memory, for our own server: the data is half a second old at most."""

    def __init__(self, models: Mapping[str, str], public: Collection[str] = ()) -> None:
        super().__init__(models, public)
        self._table = TokenTable(
            self._snapshot, self._digests, self._stamp, _note_used, connections.close_all
        )
        self._actors: dict[bytes, Actor] = {}
        self._actors_version = -1
        self._inode = 0

    @property
    def health(self) -> str:
        """Why the accounts can't be read, without confidential details; "" if they can."""
        return self._table.failure

    @property
    def version(self) -> int:
        """Changes whenever somebody's permissions may have changed."""
        return self._table.version

    def of_token(self, header: bytes) -> Actor:
        """The owner of the token in this header, limited to its scope.

        Raises:
            NotAuthenticated: the token is invalid.
            AccountsError: the database hasn't been read for too long.
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
        """The same, for all other requests to the API."""
        return self.of_token(request.headers.get("authorization", "").encode("latin-1", "replace"))

    def close(self) -> None:
        """End the thread that reads."""
        self._table.close()

    def _stamp(self) -> int:
        """A number that changes with the permissions.

        Raises:
            AccountsError: the file of the database is gone. A process that has it open would still
                read.
        """
        database: Any = connections["default"]
        if database.vendor == "sqlite" and not database.is_in_memory_db():
            path = Path(database.settings_dict["NAME"])
            seen = path.stat() if path.exists() else None
            if seen is None or not seen.st_size:
                why = f"{path.name} is gone"
                raise AccountsError(why, hint="restore it from a backup", reason=why)
            if seen.st_ino != self._inode:
                connections.close_all()
                self._inode = seen.st_ino
        return changes.stamp()

    def _snapshot(self) -> Snapshot:
        close_old_connections()
        for_public, for_everyone = self._of_groups()
        rights: dict[Any, Mapping[str, frozenset[Action]]] = {}
        found: dict[str, Remembered] = {}
        for token in self._tokens():
            if not token.user.is_active:
                continue
            owner = token.user.pk
            if owner not in rights:
                rights[owner] = joined(granted_to(token.user, self._models), for_everyone)
            actor = _actor_with(token, rights[owner])
            found[token.digest] = Remembered(actor, token.expires_at.timestamp(), token.pk)
        return Snapshot(found, Actor(grants=for_public))

    def _digests(self) -> frozenset[str]:
        """The digests of the valid tokens whose owners are active."""
        rows = self._tokens()
        if has_field(get_user_model(), "is_active"):
            rows = rows.filter(user__is_active=True)
        return frozenset(rows.values_list("digest", flat=True))


def _note_used(token_ids: AbstractSet[int]) -> None:
    if not token_ids:
        return
    ids, now = sorted(token_ids), timezone.now()
    for start in range(0, len(ids), 500):  # the most values in one statement
        ApiToken.objects.filter(pk__in=ids[start : start + 500]).update(last_used_at=now)


def _actor(user: Any, grants: Mapping[str, frozenset[Action]], via: str = "") -> Actor:
    name = user.get_username()
    short = getattr(user, "get_short_name", lambda: "")()
    return Actor(name, short or name, grants, via, owner_of(user))


def _actor_with(token: ApiToken, grants: Mapping[str, frozenset[Action]]) -> Actor:
    return _actor(token.user, narrowed(grants, token), token.name)
