"""The app that combines the others, and an admin with the common login page."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.contrib.admin import apps as of_django

from podium.accounts.mail import Mailer


class AccountsConfig(AppConfig):
    """Set-up links, pages in our own design, and the middleware."""

    name = "podium.accounts"
    label = "podium_accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"
    default = True

    def __init__(self, app_name: str, app_module: Any) -> None:
        super().__init__(app_name, app_module)
        self.mailer = Mailer()

    def ready(self) -> None:
        """Enforce the guard; audit everything that decides who can log in."""
        from allauth.mfa.models import Authenticator

        from podium.accounts import guard, ways_in
        from podium.hosts.django.changes import watch_rows

        guard.watch()
        ways_in.watch()
        watch_rows(Authenticator)


class AdminConfig(of_django.AdminConfig):
    """Django's admin, with the same login page as every other page."""

    default = False
    default_site = "podium.accounts.admin.Site"
