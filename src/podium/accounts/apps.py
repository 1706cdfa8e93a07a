"""The app that puts the others together, and the admin whose login is everybody's."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.contrib.admin import apps as of_django

from podium.accounts.mail import Mailer


class AccountsConfig(AppConfig):
    """Set-up links, pages in our own look, and what Django's middleware does here."""

    name = "podium.accounts"
    label = "podium_accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"
    default = True

    def __init__(self, app_name: str, app_module: Any) -> None:
        super().__init__(app_name, app_module)
        self.mailer = Mailer()

    def ready(self) -> None:
        """Hold whoever asks to what they may; write down what decides who gets in."""
        from allauth.mfa.models import Authenticator

        from podium.accounts import guard, ways_in
        from podium.hosts.django.changes import watch_rows

        guard.watch()
        ways_in.watch()
        watch_rows(Authenticator)


class AdminConfig(of_django.AdminConfig):
    """Django's admin, with the same login as every other page."""

    default = False
    default_site = "podium.accounts.admin.Site"
