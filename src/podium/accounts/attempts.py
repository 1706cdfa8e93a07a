"""Attempts to log in: how they are counted, and browsers that have let somebody in before.

There are three limits: for one account at one address, for everybody at an address, and, wider, for
one account wherever the attempts come from. A browser in which somebody has logged in before counts
by itself for that account: nobody elsewhere can lock them out of it.

Source: https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

COOKIE = "podium-browser"
KNOWN_S = 365 * 86_400
_SALT = "podium.known-browser"


def account_of(credentials: Mapping[str, Any]) -> str:
    """The account that somebody wants into; the name that they typed where there is none.

    Not by that name alone: the e-mail address beside it would give as many tries again.
    """
    said = str(credentials.get("username") or credentials.get("email") or "").strip()
    matches = Q(username__iexact=said) | (Q(email__iexact=said) if said else Q())
    found = User.objects.filter(matches).order_by("pk").values_list("pk", flat=True).first()
    return f"user:{found}" if found is not None else f"name:{said.lower()}"


def count(request: HttpRequest, credentials: Mapping[str, Any]) -> Any:
    """Count an attempt; what takes it back should it succeed, None where it is one too many."""
    account = account_of(credentials)
    browser = _known(request, account)
    if browser:
        return _consume(request, "login_known", f"{account}:{browser}")
    here = _consume(request, "login_failed", f"{account}:{ratelimit.get_ip(request)}")
    anywhere = here and _consume(request, "login_anywhere", account)
    return anywhere and ratelimit.RateLimitUsage([*here.usage, *anywhere.usage])


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Let this browser be known for an account that it has just let in."""
    if _known(request, f"user:{user.pk}"):
        return
    text = signing.TimestampSigner(salt=_SALT).sign(f"{user.pk}:{secrets.token_hex(8)}")
    response.set_cookie(
        _cookie(),
        text,
        max_age=KNOWN_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _known(request: HttpRequest, account: str) -> str:
    """What a browser that is known for this account is counted by; "" for any other."""
    try:
        signer = signing.TimestampSigner(salt=_SALT)
        text = signer.unsign(request.COOKIES.get(_cookie(), ""), max_age=KNOWN_S)
    except signing.BadSignature:
        return ""
    user, _, browser = text.partition(":")
    return browser if account == f"user:{user}" else ""


def _cookie() -> str:
    return f"__Host-{COOKIE}" if settings.SESSION_COOKIE_SECURE else COOKIE


def _consume(request: HttpRequest, action: str, key: str) -> Any:
    return ratelimit.consume(request, app="allauth.account", action=action, key=key)
