"""API tokens: created, shown once, verified, revoked."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
import string
import zlib
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from podium.access import ALL, Action, Actor
from podium.errors import InputError, NotAllowed, NotAuthenticated
from podium.hosts.django.models.token import ApiToken

PREFIX = "pod_"
RANDOM_DIGITS, CHECK_DIGITS = 30, 6
DAYS, DAYS_MAX = 90, 366
# More are a mistake in a script, not a need.
VALID_MAX = 100
HINT_CHARACTERS = 8
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SHAPE = re.compile(rb"pod_[0-9A-Za-z]{36}")
_BAD = "this token isn't valid: it is unknown, revoked or expired"
_BAD_HINT = "create another one on your account page"


def new_text() -> str:
    """A token: 178 random bits, and a checksum by which leaks are found without querying us.

    Source: https://github.blog/engineering/behind-githubs-new-authentication-token-formats/
    """
    random = "".join(secrets.choice(_DIGITS) for _ in range(RANDOM_DIGITS))
    return PREFIX + random + _checksum(random.encode())


def digest_of(header: bytes) -> str:
    """The digest of the token in an `Authorization` header, in hex.

    Raises:
        NotAuthenticated: there is none in it; the checksum catches most copying mistakes without a
            look into the database.
    """
    scheme, _, said = header.partition(b" ")
    text = said.strip()
    if scheme.lower() != b"bearer" or not is_token(text):
        raise NotAuthenticated(
            "the Authorization header has no API token",
            hint="send it as: Authorization: Bearer pod_...",
        )
    return hashlib.sha256(text).hexdigest()


def is_token(text: bytes) -> bool:
    """Whether it has the form of a token, and a correct checksum."""
    if _SHAPE.fullmatch(text) is None:
        return False
    return _checksum(text[len(PREFIX) : -CHECK_DIGITS]).encode() == text[-CHECK_DIGITS:]


def refusal() -> NotAuthenticated:
    """The error for every invalid token: it gives no further reason."""
    return NotAuthenticated(_BAD, hint=_BAD_HINT)


def make_token(
    user: Any,
    name: str,
    *,
    models: Collection[str] | None = None,
    actions: Collection[Action | str] | None = None,
    days: int = DAYS,
    by: Actor | None = None,
) -> tuple[ApiToken, str]:
    """A new token of a user, and its text, which can't be read again.

    Args:
        models: that it may use; by default all that its owner may use, including future ones.
        actions: that it may perform; by default all that its owner may perform.
        by: who creates it; the user by default.

    Raises:
        NotAllowed: the request itself used a token.
        InputError: the name or the number of days is invalid, the scope is empty, or the user has
            too many.
    """
    if by is not None and by.via:
        raise NotAllowed(
            "a token can't create tokens", hint="log in, and create it on your account page"
        )
    name = name.strip()
    if not name or len(name) > 80 or not name.isprintable():
        raise InputError("a token needs a name of at most 80 letters", hint="say what it is for")
    if not 1 <= days <= DAYS_MAX:
        raise InputError(f"{days} days isn't a valid lifetime", hint=f"1 to {DAYS_MAX}")
    if (models is not None and not models) or (actions is not None and not actions):
        raise InputError(
            "the token has no model or no action", hint="select at least one model and one action"
        )
    if valid_tokens().filter(user=user).count() >= VALID_MAX:
        raise InputError(f"{VALID_MAX} tokens exist already", hint="revoke some first")
    text, now = new_text(), timezone.now()
    token = ApiToken(
        user=user,
        name=name,
        hint=text[:HINT_CHARACTERS],
        digest=hashlib.sha256(text.encode()).hexdigest(),
        model_names=[ALL] if models is None else sorted(set(models)),
        actions=[ALL] if actions is None else sorted({Action(one).value for one in actions}),
        created_at=now,
        expires_at=now + dt.timedelta(days=days),
    )
    token.save(force_insert=True)
    return token, text


def chosen_of(ticked: Collection[str]) -> list[str] | None:
    """The scope in a form's checkboxes: None is everything, an empty list nothing."""
    return None if ALL in ticked else list(ticked)


def revoke_token(token: ApiToken) -> bool:
    """Revoke a token; False if it already was."""
    if token.revoked_at is not None:
        return False
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    return True


def valid_tokens() -> QuerySet[ApiToken]:
    """The tokens that are neither revoked nor expired, with their owners."""
    found = ApiToken.objects.filter(revoked_at=None, expires_at__gt=timezone.now())
    return found.select_related("user")


def revoke_tokens(user: Any) -> int:
    """Revoke all tokens of a user; returns how many."""
    return sum(revoke_token(token) for token in valid_tokens().filter(user=user))


def narrowed(
    grants: Mapping[str, frozenset[Action]], token: ApiToken
) -> dict[str, frozenset[Action]]:
    """The grants of a token: those of its owner, limited to its scope."""
    said = set(token.actions)
    wanted = frozenset(one for one in Action if ALL in said or one in said)
    # Permission to see all records includes one's own; a token may be limited to those.
    full = {
        model: actions | {Action.SEE_OWN} if Action.SEE in actions else actions
        for model, actions in grants.items()
    }
    general = full.get(ALL, frozenset())
    if ALL not in token.model_names:
        full = {model: full.get(model, frozenset()) | general for model in token.model_names}
    return {model: actions & wanted for model, actions in full.items() if actions & wanted}


def _checksum(random: bytes) -> str:
    number, digits = zlib.crc32(random), ""
    for _ in range(CHECK_DIGITS):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
