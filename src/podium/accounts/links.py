"""Links that create the first administrator: printed at start, valid once and for 15 minutes."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from podium.accounts.models import SetUpLink

LIVES = dt.timedelta(minutes=15)


def has_administrator() -> bool:
    """Whether anybody can grant permissions."""
    return User.objects.filter(is_active=True, is_superuser=True).exists()


def new_link() -> str | None:
    """The path of a new link; None if there is an administrator."""
    if has_administrator():
        SetUpLink.objects.all().delete()
        return None
    SetUpLink.objects.filter(expires_at__lte=timezone.now()).delete()
    code = secrets.token_urlsafe(32)
    SetUpLink.objects.create(digest=_digest(code), expires_at=timezone.now() + LIVES)
    return reverse("podium_set_up", args=[code])


def is_good(code: str) -> bool:
    """Whether a link is still valid."""
    found = SetUpLink.objects.filter(digest=_digest(code), expires_at__gt=timezone.now())
    return found.exists() and not has_administrator()


def use(code: str, *, username: str, email: str, password: str) -> User | None:
    """Create the first administrator; None if the link was used, or has expired."""
    with transaction.atomic():
        # The request that deletes it wins: of two at once, only one.
        n_deleted, _ = SetUpLink.objects.filter(
            digest=_digest(code), expires_at__gt=timezone.now()
        ).delete()
        if not n_deleted or has_administrator():
            return None
        return User.objects.create_superuser(username, email or None, password)


def _digest(code: str) -> str:
    # 256 random bits can't be guessed, so a fast digest is enough.
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
