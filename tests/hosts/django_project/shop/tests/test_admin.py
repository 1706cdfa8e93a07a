"""Podium in the project's admin."""

from __future__ import annotations

import re
from html import unescape
from unittest import mock

from django.contrib.auth.models import Group
from django.db import connections, router, transaction
from django.test import Client

from podium.errors import StoreError
from podium.hosts.django.models import ApiToken, AuditEntry, Prediction, ServedModel
from podium.hosts.django.store import DjangoStore
from podium.hosts.django.tokens import make_token
from podium.records.record import Feedback
from shop.tests.shop_case import GOOD, HTML, PREFIX, RecordsCase, ShopCase, permission

RECORDS = "/admin/podium/prediction/"
TOKENS = "/admin/podium/apitoken/"
LOG = "/admin/podium/auditentry/"
MODELS = "/admin/podium/servedmodel/"


class WhoMayWhat(ShopCase):
    def test_staff_without_rights_see_nothing_of_podium(self):
        browser = self.browser(self.member("ben@shop.example", is_staff=True))

        assert b"Predictions" not in browser.get("/admin/").content
        for address in (RECORDS, TOKENS, LOG, MODELS, f"{LOG}audit-log.csv"):
            assert browser.get(address).status_code == 403, address
        assert browser.get(f"{RECORDS}delete-old/").status_code == 403

    def test_anonymous_users_are_sent_to_the_login(self):
        for address in (
            RECORDS,
            TOKENS,
            LOG,
            MODELS,
            f"{LOG}audit-log.csv",
            f"{RECORDS}{'0' * 32}/",
        ):
            answer = self.browser().get(address)

            assert answer.status_code == 302
            assert "login" in answer["location"]

    def test_a_user_with_rights_who_is_not_staff_stays_out(self):
        browser = self.browser(self.member("cleo@shop.example", "see_all_loans", "view_apitoken"))

        assert browser.get(RECORDS).status_code == 302
        assert browser.get(TOKENS).status_code == 302


class Records(RecordsCase):
    def setUp(self):
        self.ada = self.member("ada@shop.example", is_superuser=True, is_staff=True)
        _, text = make_token(self.ada, "nightly")
        headers = {"authorization": f"Bearer {text}"}
        api = f"{PREFIX}/api/models/loans/predict"
        answer = self.browser().post(api, GOOD, "application/json", headers=headers)
        self.id = answer.json()["id"]
        self.row(self.id)

    def test_a_record_is_listed_and_shown_and_links_to_our_page(self):
        browser = self.browser(self.ada)

        index = browser.get(RECORDS)
        detail = browser.get(f"{RECORDS}{self.id}/")

        assert f"{RECORDS}{self.id}/" in index.content.decode()
        assert f"{PREFIX}/models/loans/records.csv" in index.content.decode()
        assert f"{PREFIX}/records/{self.id}" in detail.content.decode()
        assert "ada@shop.example" in detail.content.decode()

    def test_the_list_is_filtered(self):
        browser = self.browser(self.ada)

        assert b"No records match" in browser.get(f"{RECORDS}?id=00000").content
        assert b"No records match" not in browser.get(f"{RECORDS}?id={self.id[:6]}").content
        assert b"not a date" in browser.get(f"{RECORDS}?since=never").content

    def test_the_list_has_the_columns_and_filters_of_our_own_pages(self):
        browser = self.browser(self.ada)
        ours = browser.get(f"{PREFIX}/models/loans/records").content.decode()
        admins = browser.get(RECORDS).content.decode()

        heads = re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?<bdi>([^<]+)', ours)
        head = r'<th scope="col" dir="auto"><div class="text"><span>([^<]+)'
        field = r'<(?:input|select)[^>]* name="(since|until|outcome|min|max|id|[fov]1)"'
        assert heads[:2] == ["Time (UTC)", "Prediction"]
        assert re.findall(head, admins) == heads
        assert re.findall(field, admins) == re.findall(field, ours)

    def test_the_list_has_conditions_columns_and_titles(self):
        browser = self.browser(self.ada)
        chosen = f"{RECORDS}?f1=rec.version&o1=is&v1=none&column=rec.version"
        text = browser.get(chosen).content.decode()

        assert "Version is none" in text
        assert '<input type="hidden" name="f1" value="rec.version">' in text
        assert "No records match" in text
        assert (
            "<span>Version</span>" in browser.get(f"{RECORDS}?column=rec.version").content.decode()
        )

    def test_feedback_and_deletion_stand_outside_of_the_projects_transactions(self):
        for alias in connections:
            connections.databases[alias]["ATOMIC_REQUESTS"] = True
            self.addCleanup(connections.databases[alias].update, {"ATOMIC_REQUESTS": False})

        self.test_feedback_is_stored_and_audited()
        done = self.browser(self.ada).post(
            f"{RECORDS}delete-old/", {"before": "2999-01-01", "is_sure": "on"}
        )

        assert done.status_code == 302
        assert Prediction.objects.count() == 0

    def test_feedback_inside_a_transaction_of_the_project_does_not_wait_for_itself(self):
        told = Feedback(truth=b'"no"', time_us=1, actor=None, note="")
        using = router.db_for_write(Prediction)

        with transaction.atomic(using):
            Prediction.objects.filter(id=self.id).update(actor="someone")
            assert DjangoStore().set_feedback(self.id, told)

        assert Prediction.objects.get(id=self.id).feedback_truth == "no"

    def test_feedback_is_stored_and_audited(self):
        browser = self.browser(self.ada)
        page = browser.get(f"{RECORDS}{self.id}/").content.decode()
        (name,) = set(re.findall(r'name="(prediction|[a-z_]+)"', page)) - {
            "csrfmiddlewaretoken",
            "podium_note",
            "next",
            "viewport",
            "robots",
        }

        browser.post(f"{RECORDS}{self.id}/", {name: "no", "podium_note": "paid late"})

        row = Prediction.objects.get(id=self.id)
        assert (row.feedback_truth, row.feedback_note) == ("no", "paid late")
        assert row.feedback_actor == "ada@shop.example"
        assert AuditEntry.objects.get(event="feedback_given").details["record"] == self.id

    def test_corrected_feedback_shows_what_was_said_before(self):
        browser, address = self.browser(self.ada), f"{RECORDS}{self.id}/"
        for truth, note in (("no", "<i>paid late</i>"), ("yes", "")):
            browser.post(address, {"prediction": truth, "podium_note": note})

        page = browser.get(address).content.decode()

        assert page.count("Before its correction") == 1
        assert "&lt;i&gt;paid late" in page
        (said,) = Prediction.objects.get(id=self.id).feedback_earlier
        assert (said["truth"], said["actor"]) == ("no", "ada@shop.example")

    def test_a_user_sees_only_their_own_records_and_needs_permission_for_feedback(self):
        ben = self.member("ben@shop.example", "see_own_loans", is_staff=True)
        browser = self.browser(ben)

        assert b"No predictions yet" in browser.get(RECORDS).content
        assert browser.get(f"{RECORDS}{self.id}/").status_code == 404
        ben.user_permissions.add(permission("see_all_loans"))
        page = browser.get(f"{RECORDS}{self.id}/")
        assert page.status_code == 200
        assert b"podium_note" not in page.content
        browser.post(f"{RECORDS}{self.id}/", {"podium_note": "mine"})
        assert Prediction.objects.get(id=self.id).feedback_time_us is None

    def test_deleting_old_records_requires_permission_for_every_model(self):
        ben = self.member("ben@shop.example", "see_all_loans", "delete_loans", is_staff=True)
        form = {"before": "2999-01-01", "is_sure": "on"}

        refused = self.browser(ben).post(f"{RECORDS}delete-old/", form)
        unsure = self.browser(self.ada).post(f"{RECORDS}delete-old/", {"before": "2999-01-01"})
        assert (refused.status_code, unsure.status_code) == (403, 200)
        assert Prediction.objects.count() == 1
        done = self.browser(self.ada).post(f"{RECORDS}delete-old/", form)

        assert done.status_code == 302
        assert Prediction.objects.count() == 0
        assert AuditEntry.objects.get(event="records_deleted").actor == "ada@shop.example"

    def test_a_filter_and_a_record_are_deleted_once_they_are_confirmed(self):
        browser = self.browser(self.ada)
        listed = browser.get(RECORDS).content.decode()
        asks = browser.get(f"{RECORDS}delete/?model=loans&id={self.id}").content.decode()
        (there,) = re.findall(r'<form method="post" action="([^"]+delete/[^"]+)"', asks)
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(self.ada)

        assert f"{RECORDS}delete/?model=loans" in listed
        assert "Delete 1 record" in asks
        assert strict.post(unescape(there)).status_code == 403
        assert browser.post(f"{RECORDS}delete/?model=loans&expect=9").status_code == 409
        assert Prediction.objects.count() == 1
        done = browser.post(unescape(there))
        assert "1 record was deleted" in done.content.decode()
        assert Prediction.objects.count() == 0
        entry = AuditEntry.objects.get(event="records_deleted")
        assert (entry.target, entry.details["n_records"]) == ("loans", "1")

    def test_deleting_a_record_requires_permission(self):
        ben = self.member("ben@shop.example", "see_all_loans", is_staff=True)
        browser = self.browser(ben)

        assert b"/delete/" not in browser.get(f"{RECORDS}{self.id}/").content
        for address in (f"{RECORDS}{self.id}/delete/", f"{RECORDS}delete/?model=loans&expect=1"):
            assert browser.get(address).status_code == 403
            assert browser.post(address).status_code == 403
        assert Prediction.objects.count() == 1
        ben.user_permissions.add(permission("delete_loans"))
        browser.post(f"{RECORDS}{self.id}/delete/")
        assert Prediction.objects.count() == 0

    def test_a_deletion_that_fails_is_not_written_down_as_done(self):
        form = {"before": "2999-01-01", "is_sure": "on"}
        with mock.patch.object(DjangoStore, "delete", side_effect=StoreError("it is away")):
            failed = self.browser(self.ada).post(f"{RECORDS}delete-old/", form)

        assert failed.status_code == 503
        events = set(AuditEntry.objects.values_list("event", flat=True))
        assert "records_deletion_failed" in events
        assert "records_deleted" not in events


class Tokens(ShopCase):
    def setUp(self):
        self.ada = self.member("ada@shop.example", is_superuser=True, is_staff=True)
        self.cleo = self.member("cleo@shop.example", "predict_loans")
        self.form = {"user": self.cleo.pk, "name": "nightly", "days": 7, "for_models": ["loans"]}
        self.form["for_actions"] = ["*"]

    def test_a_token_is_created_shown_once_and_revoked(self):
        browser = self.browser(self.ada)

        made = browser.post(f"{TOKENS}add/", self.form)
        (text,) = set(re.findall(r"pod_[0-9A-Za-z]{36}", made.content.decode()))
        token = ApiToken.objects.get()
        pages = browser.get(TOKENS).content + browser.get(f"{TOKENS}{token.pk}/change/").content
        browser.post(TOKENS, {"action": "revoke", "_selected_action": [token.pk]})

        assert "no-store" in made["cache-control"]
        assert token.user == self.cleo
        assert token.model_names == ["loans"]
        assert text.encode() not in pages
        assert not ApiToken.objects.get().is_valid
        assert AuditEntry.objects.filter(event="token_revoked").count() == 1

    def test_only_superusers_create_tokens_for_others(self):
        ben = self.member("ben@shop.example", "add_apitoken", "view_apitoken", is_staff=True)
        browser = self.browser(ben)

        every = {**self.form, "for_models": ["*"]}
        refused = browser.post(f"{TOKENS}add/", every)
        browser.post(f"{TOKENS}add/", {**every, "user": ben.pk})

        assert refused.status_code == 200
        assert [one.user for one in ApiToken.objects.all()] == [ben]

    def test_nothing_ticked_gives_nothing(self):
        browser = self.browser(self.ada)

        for nothing in ({"for_models": []}, {"for_actions": []}):
            assert browser.post(f"{TOKENS}add/", self.form | nothing).status_code == 200
        assert not ApiToken.objects.exists()

    def test_revoking_requires_permission_to_change_tokens(self):
        token, _ = make_token(self.cleo, "a")
        ben = self.member("ben@shop.example", "view_apitoken", is_staff=True)

        self.browser(ben).post(TOKENS, {"action": "revoke", "_selected_action": [token.pk]})

        assert ApiToken.objects.get().is_valid

    def test_an_invalid_name_is_reported(self):
        answer = self.browser(self.ada).post(f"{TOKENS}add/", {**self.form, "name": "a\u0007b"})

        assert answer.status_code == 302
        assert ApiToken.objects.count() == 0

    def test_none_is_deleted_by_hand(self):
        token, _ = make_token(self.cleo, "a")

        answer = self.browser(self.ada).post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"})

        assert answer.status_code == 403
        assert ApiToken.objects.count() == 1


class TheLogAndTheModels(ShopCase):
    def setUp(self):
        self.ada = self.member("ada@shop.example", is_superuser=True, is_staff=True)
        self.browser_ = self.browser(self.ada)

    def test_the_log_is_looked_through_and_taken_along_but_not_changed(self):
        Group.objects.create(name="=HYPERLINK()")
        entry = AuditEntry.objects.filter(event="group_made").first()

        index = self.browser_.get(f"{LOG}?event=group_made")
        file = self.browser_.get(f"{LOG}audit-log.csv?event=group_made")
        changed = self.browser_.post(f"{LOG}{entry.pk}/change/", {"event": "nothing"})
        deleted = self.browser_.post(f"{LOG}{entry.pk}/delete/", {"post": "yes"})
        chosen = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
        self.browser_.post(LOG, chosen)

        assert b"audit-log.csv?event=group_made" in index.content
        assert b"'=HYPERLINK()" in file.content
        assert b"logged_in" not in file.content
        assert (changed.status_code, deleted.status_code) == (403, 403)
        assert AuditEntry.objects.get(pk=entry.pk).event == "group_made"
        assert AuditEntry.objects.filter(event="audit_log_exported").count() == 1

    def test_models_are_listed_with_versions_and_their_card(self):
        self.browser_.get(f"{PREFIX}/", headers=HTML)
        old = ServedModel.objects.create(name="loans", version="0.1")
        now = ServedModel.objects.exclude(pk=old.pk).get(name="loans")

        index = self.browser_.get(MODELS).content.decode()
        card = self.browser_.get(f"{MODELS}{now.pk}/change/").content.decode()
        before = self.browser_.get(f"{MODELS}{old.pk}/change/").content.decode()

        assert "0.1" in index
        assert f"{PREFIX}/models/loans" in card
        assert "income" in card
        assert "Another version is served" in before

    def test_a_user_without_rights_for_a_model_does_not_see_it(self):
        self.browser_.get(f"{PREFIX}/", headers=HTML)
        other = ServedModel.objects.create(name="secret", version="1")
        cleo = self.member("cleo@shop.example", "predict_loans", is_staff=True)
        browser = self.browser(cleo)

        assert b"secret" not in browser.get(MODELS).content
        assert browser.get(f"{MODELS}{other.pk}/change/").status_code in (302, 404)
