"""A case with users, and a browser that behaves like one."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client, TestCase, TransactionTestCase, override_settings

from podium.hosts.django.models import Prediction
from shop.models import Member

PREFIX = "/tools/ml"
HTML = {"accept": "text/html"}
GOOD = {
    "age": 41,
    "income": 1_000.5,
    "member": True,
    "plan": "pro",
    "note": "hello",
    "since": "2024-03-01",
}


class Shop:
    """What both kinds of cases share."""

    databases: ClassVar = {"default", "predictions"}

    def tearDown(self) -> None:
        apps.get_app_config("podium").close()

    def member(self, email: str, *codenames: str, **rest: Any) -> Member:
        member = Member.objects.create_user(email, "a password", **rest)
        for codename in codenames:
            member.user_permissions.add(permission(codename))
        return member

    def browser(self, member: Member | None = None, **options: Any) -> Client:
        browser = Client(**options)
        if member is not None:
            browser.force_login(member)
        return browser

    def row(self, record_id: str) -> Prediction:
        """The row of a prediction, which is there a moment after its answer."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            found = Prediction.objects.filter(id=record_id).first()
            if found is not None:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{record_id} never came")


# Counts are written by a thread, which would wait for the transaction of the test.
@override_settings(PODIUM={**settings.PODIUM, "monitoring": False})
class ShopCase(Shop, TestCase):
    """What it writes is taken back at its end."""


class RecordsCase(Shop, TransactionTestCase):
    """Records are written by a thread with a connection of its own: not in a test's transaction."""


def with_podium(**options: Any) -> override_settings:
    """More of the setting `PODIUM`, for a while."""
    return override_settings(PODIUM={**settings.PODIUM, **options})


def permission(codename: str) -> Permission:
    found = Permission.objects.filter(codename=codename, content_type__app_label="podium").first()
    if found is None:
        kind = ContentType.objects.get_for_model(Prediction)
        found = Permission.objects.create(codename=codename, name=codename, content_type=kind)
    return found
