"""The audit log: what is written down, and that it stays."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import override_settings

from podium.access import Actor
from podium.errors import NotAllowed
from podium.hosts.django.audit import write
from podium.hosts.django.authority import DjangoAuthority
from podium.hosts.django.models import AuditEntry
from podium.hosts.django.tokens import make_token, revoke_token
from shop.tests.shop_case import PREFIX, ShopCase, permission


def entries_of(event: str) -> list[tuple[str, str, dict[str, str]]]:
    entries = AuditEntry.objects.filter(event=event)
    return [(one.actor, one.target, one.details) for one in entries]


class TheAuditLog(ShopCase):
    def test_it_knows_who_logged_in_and_out_and_who_failed(self):
        self.member("cleo@shop.example")
        browser = self.browser()
        form = {"username": "cleo@shop.example", "password": "wrong"}

        browser.post("/enter/", form)
        browser.post("/enter/", form | {"password": "a password"})
        browser.logout()

        entries = list(AuditEntry.objects.filter(event__contains="log").order_by("id"))
        assert [(one.event, one.actor, one.target) for one in entries] == [
            ("login_failed", "", "cleo@shop.example"),
            ("logged_in", "cleo@shop.example", ""),
            ("logged_out", "cleo@shop.example", ""),
        ]
        assert entries[0].address == "127.0.0.1"
        assert "wrong" not in str(entries[0].details)

    def test_it_knows_what_was_granted_and_revoked_from_either_side(self):
        cleo, group = self.member("cleo@shop.example"), Group.objects.create(name="analysts")
        right = permission("predict_loans")
        name = {"model": "loans", "action": "predict"}

        cleo.user_permissions.add(right)
        right.user_set.remove(cleo)
        group.permissions.add(right)
        group.permissions.clear()
        cleo.groups.add(group)
        group.user_set.remove(cleo)

        who = "cleo@shop.example"
        both = [("", "analysts", {"of": "group", **name}), ("", who, {"of": "user", **name})]
        assert entries_of("granted") == entries_of("revoked") == both
        assert entries_of("joined") == entries_of("left") == [("", who, {"groups": "analysts"})]

    def test_each_right_has_an_entry_of_its_own(self):
        names = ("predict_loans", "see_all", "metrics", "view_auditentry")
        Group.objects.create(name="analysts").permissions.add(*map(permission, names))

        of = {"of": "group"}
        found = sorted((one[2] for one in entries_of("granted")), key=str)
        assert found == [
            of | {"model": "every model", "action": "metrics"},
            of | {"model": "every model", "action": "see"},
            of | {"model": "loans", "action": "predict"},
            of | {"permission": "podium.view_auditentry"},
        ]

    def test_it_knows_who_became_a_superuser_and_whose_password_changed(self):
        cleo = self.member("cleo@shop.example")
        cleo.is_superuser = True
        cleo.save()
        cleo.set_password("another password")
        cleo.save(update_fields=["password"])
        cleo.delete()

        who = "cleo@shop.example"
        assert entries_of("user_made") == [("", who, {})]
        assert entries_of("user_changed") == [("", who, {"is_superuser": "yes"})]
        assert entries_of("password_changed") == [("", who, {})]
        assert entries_of("user_deleted") == [("", who, {})]

    def test_it_knows_of_tokens_but_not_themselves(self):
        token, text = make_token(self.member("cleo@shop.example"), "nightly", models=["loans"])
        revoke_token(token)

        ((_, target, details),) = entries_of("token_made")
        assert (target, details["name"], details["models"]) == (
            "cleo@shop.example",
            "nightly",
            "loans",
        )
        assert len(entries_of("token_revoked")) == 1
        assert text not in str(list(AuditEntry.objects.values()))

    def test_it_knows_the_user_from_the_middleware(self):
        ada = self.member("ada@shop.example", is_superuser=True, is_staff=True)
        browser = self.browser(ada)
        mine = [*settings.MIDDLEWARE, "podium.hosts.django.audit.AuditMiddleware"]
        with override_settings(MIDDLEWARE=mine):
            done = browser.post("/admin/auth/group/add/", {"name": "analysts"})
        Group.objects.create(name="made by a command")

        assert done.status_code == 302, done.content
        assert entries_of("group_made")[:2] == [
            ("", "made by a command", {}),
            ("ada@shop.example", "analysts", {}),
        ]

    def test_an_earlier_user_is_not_taken_for_the_current_one(self):
        self.member("cleo@shop.example")
        form = {"username": "cleo@shop.example", "password": "a password"}
        self.browser().post("/enter/", form)

        Group.objects.create(name="analysts")

        assert entries_of("group_made")[0] == ("", "analysts", {})

    def test_it_knows_who_exported_records(self):
        ada = self.member("ada@shop.example", is_superuser=True)

        answer = self.browser(ada).get(f"{PREFIX}/models/loans/records.csv")

        assert answer.status_code == 200
        assert entries_of("records_exported") == [("ada@shop.example", "loans", {"model": "loans"})]

    def test_it_knows_which_token_was_used(self):
        actor = Actor("cleo", via="nightly")

        DjangoAuthority({}).audit(actor, "records_deleted", model="loans")

        entry = AuditEntry.objects.get(event="records_deleted")
        assert (entry.actor, entry.token, entry.target) == ("cleo", "nightly", "loans")

    def test_what_stands_there_is_neither_changed_nor_deleted(self):
        entry = write("deployed", target="loans")
        entry.event = "nothing"
        rows = AuditEntry.objects.all()

        for change in (
            entry.save,
            entry.delete,
            rows.delete,
            lambda: rows.update(event="nothing"),
            lambda: rows.bulk_update([entry], ["event"]),
        ):
            with pytest.raises(NotAllowed), transaction.atomic():
                change()
        assert AuditEntry.objects.get(pk=entry.pk).event == "deployed"

    def test_text_that_no_database_can_store_is_cleaned(self):
        entry = write("login_failed", target="a\0b\ud800" + "x" * 1_000, details={"x": "\0"})

        entry.refresh_from_db()

        assert entry.target.startswith("a\ufffdb?xxx")
        assert len(entry.target) == 200
