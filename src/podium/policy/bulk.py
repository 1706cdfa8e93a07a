"""Who may send bulk requests: more rows and longer bodies than every client may send."""

from __future__ import annotations

from podium.access import Actor
from podium.errors import TooLarge
from podium.policy.authority import Authority, OpenAuthority
from podium.policy.gate import host_name, is_loopback, too_large
from podium.settings import Settings


def is_local(settings: Settings) -> bool:
    """Whether a server with these settings can only be reached from this machine."""
    names = map(host_name, (settings.host, *settings.allowed_hosts))
    return not settings.open and all(map(is_loopback, names))


def may_send_bulk(actor: Actor, authority: Authority, *, is_local: bool) -> bool:
    """Whether an actor may send bulk requests to the API.

    The API ignores cookies: a known actor came with a token, or the host vouches for them.
    """
    return actor.is_known or (is_local and isinstance(authority, OpenAuthority))


def refusal_of_long_body(settings: Settings, authority: Authority) -> TooLarge:
    """Why a caller may not send a body of this length."""
    refusal, hint = too_large(settings.body_max_bytes), ""
    is_more = settings.bulk_body_max_bytes > settings.body_max_bytes
    if is_more and not isinstance(authority, OpenAuthority):
        hint = f"; a caller with a token may send {settings.bulk_body_max_bytes} bytes"
    return TooLarge(refusal.detail, hint=refusal.hint + hint)
