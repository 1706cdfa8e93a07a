"""Who asks, and what stands at the top of pages for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from podium.hosts.django.authority import RememberingAuthority
from podium.web.http import Request


class AccountsAuthority(RememberingAuthority):
    """Django's users, and links to their account, to the admin and to the login."""

    def links(self, request: Request) -> Sequence[tuple[str, str]]:
        """What one can do with one's account."""
        user: Any = getattr(request.native, "user", None)
        if user is None or not user.is_authenticated:
            return [("Log in", reverse("account_login"))]
        admin = [("Admin", reverse("admin:index"))] if user.is_staff else []
        return [*admin, ("Account", reverse("podium_account"))]
