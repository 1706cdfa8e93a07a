"""Links that make the first administrator: printed at start, good once and for a quarter hour."""

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
    """Whether somebody can give rights to others."""
    return User.objects.filter(is_active=True, is_superuser=True).exists()


def new_link() -> str | None:
    """The path of a new link; None where there is an administrator."""
    if has_administrator():
        SetUpLink.objects.all().delete()
        return None
    SetUpLink.objects.filter(expires_at__lte=timezone.now()).delete()
    code = secrets.token_urlsafe(32)
    SetUpLink.objects.create(digest=_digest(code), expires_at=timezone.now() + LIVES)
    return reverse("podium_set_up", args=[code])


def is_good(code: str) -> bool:
    """Whether a link may be followed still."""
    found = SetUpLink.objects.filter(digest=_digest(code), expires_at__gt=timezone.now())
    return found.exists() and not has_administrator()


def use(code: str, *, username: str, email: str, password: str) -> User | None:
    """Make the first administrator; None where the link was used, or is too old."""
    with transaction.atomic():
        # Whoever deletes it has it: of two at once, one.
        n_deleted, _ = SetUpLink.objects.filter(
            digest=_digest(code), expires_at__gt=timezone.now()
        ).delete()
        if not n_deleted or has_administrator():
            return None
        return User.objects.create_superuser(username, email or None, password)


def _digest(code: str) -> str:
    # 256 random bits: nobody finds them by trying, so that a fast digest is enough.
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
