"""Checks that depend on settings of Django's own."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from unittest import mock

from django.conf import settings
from django.db import connections
from django.test import SimpleTestCase, override_settings

from podium.hosts.django.authority import login_address
from podium.hosts.django.checks import check_deployment, check_setup

SHARED = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}


@contextmanager
def transactions(mode):
    """How transactions of SQLite begin, in both databases."""
    with ExitStack() as stack:
        for one in connections.all():
            changed = {"OPTIONS": {"transaction_mode": mode}}
            stack.enter_context(mock.patch.dict(one.settings_dict, changed))
        yield


def numbers(found):
    return [one.id for one in found]


class Checks(SimpleTestCase):
    def test_a_project_without_users_cannot_open_its_pages(self):
        without = [one for one in settings.MIDDLEWARE if "Authentication" not in one]
        with override_settings(MIDDLEWARE=without):
            assert numbers(check_setup(None)) == ["podium.W003"]

    def test_a_project_without_our_urls_is_warned(self):
        with override_settings(ROOT_URLCONF="shop.tests.no_urls"):
            assert numbers(check_setup(None)) == ["podium.W004", "podium.W008"]

    def test_a_missing_login_page_is_reported_and_nobody_is_sent_there(self):
        for address in ("/accounts/login/", "no_such_name"):
            with override_settings(LOGIN_URL=address):
                assert numbers(check_setup(None)) == ["podium.W008"]
                assert login_address() is None
        for address in ("enter", "https://login.example/", "/admin/login/"):
            with override_settings(LOGIN_URL=address):
                assert numbers(check_setup(None)) == []

    def test_a_cache_that_all_processes_share_is_fine(self):
        with override_settings(CACHES=SHARED), transactions("IMMEDIATE"):
            assert numbers(check_deployment(None)) == []

    def test_a_sqlite_database_whose_transactions_lock_late_is_warned_of(self):
        late = [one.vendor == "sqlite" for one in connections.all()]
        with override_settings(CACHES=SHARED):
            for mode in (None, "DEFERRED"):
                with transactions(mode):
                    assert numbers(check_deployment(None)) == ["podium.W009"] * sum(late)
            with transactions("exclusive"):
                assert numbers(check_deployment(None)) == []

    def test_a_check_of_another_app_looks_at_nothing_here(self):
        with override_settings(PODIUM={}):
            assert check_setup([]) == []
            assert numbers(check_setup(None)) == ["podium.E002"]
