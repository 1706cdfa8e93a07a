"""The app that puts the others together, and the admin whose login is everybody's."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as of_django


class AccountsConfig(AppConfig):
    """Set-up links, pages in our own look, and what Django's middleware does here."""

    name = "podium.hosts.accounts"
    label = "podium_accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"
    default = True


class AdminConfig(of_django.AdminConfig):
    """Django's admin, with the same login as every other page."""

    default = False
    default_site = "podium.hosts.accounts.admin.Site"
