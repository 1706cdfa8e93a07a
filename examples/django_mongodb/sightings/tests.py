"""The project as its users see it: a form, the API, permissions, the admin and the records."""

import json
import re
import time
from http import HTTPStatus

from bson import ObjectId
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client, TransactionTestCase
from django.urls import reverse

from podium.hosts.django import predict
from podium.hosts.django.models import ApiToken, AuditEntry, Prediction, ServedModel
from podium.hosts.django.permissions import EVERYONE, PUBLIC
from podium.hosts.django.tokens import make_token
from sightings.models import Sighting

GENTOO = {
    "island": "Biscoe",
    "bill_length_mm": 48.4,
    "bill_depth_mm": 14.6,
    "flipper_length_mm": 213,
    "body_mass_g": 5_850,
}
API = "/ml/api/models/penguins/predict"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
WAIT_S = 60


class StationCase(TransactionTestCase):
    """What each test needs: a case without transactions, since threads of Podium write, too."""

    def tearDown(self):
        apps.get_app_config("podium").close()

    def user(self, name, *codenames, **rest):
        user = User.objects.create_user(name, password="a password", **rest)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        return user

    def browser(self, user):
        browser = Client()
        browser.force_login(user)
        return browser

    def record(self, record_id):
        """The record of a prediction, which is in the database a moment later."""
        until_s = time.monotonic() + WAIT_S
        while time.monotonic() < until_s:
            found = Prediction.objects.filter(id=record_id).first()
            if found is not None:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{record_id} never came")


class TheForm(StationCase):
    def test_a_user_logs_in_and_a_sighting_gets_its_species(self):
        self.user("ada")
        browser = Client()
        assert browser.get("/").status_code == HTTPStatus.FOUND
        browser.post("/accounts/login/", {"username": "ada", "password": "a password"})

        answer = browser.post("/", GENTOO, follow=True)

        (sighting,) = Sighting.objects.all()
        assert (sighting.species, sighting.seen_by.username) == ("Gentoo", "ada")
        assert isinstance(sighting.pk, ObjectId)
        self.assertContains(answer, "Gentoo")
        record = self.record(sighting.prediction_id)
        assert record.owner == f"user:{sighting.seen_by.pk}"
        assert Prediction.objects.filter(inputs__island="Biscoe").get() == record

    def test_what_the_model_refuses_is_an_error_of_the_field(self):
        answer = self.browser(self.user("ada")).post("/", GENTOO | {"body_mass_g": "heavy"})

        self.assertContains(answer, "Enter a number")
        assert not Sighting.objects.exists()


class ThePermissions(StationCase):
    def test_pages_need_a_permission_of_the_user_or_of_everyone(self):
        page = "/ml/models/penguins"
        ben, cleo = self.user("ben"), self.user("cleo", "predict_penguins")
        assert self.browser(ben).get(page).status_code == HTTPStatus.NOT_FOUND
        assert self.browser(cleo).get(page).status_code == HTTPStatus.OK

        everyone = Group.objects.get(name=EVERYONE)
        everyone.permissions.add(Permission.objects.get(codename="predict_penguins"))

        assert self.browser(ben).get(page).status_code == HTTPStatus.OK
        assert Client().get(page).status_code == HTTPStatus.SEE_OTHER

    def test_a_public_model_needs_none(self):
        public = Group.objects.get(name=PUBLIC)
        public.permissions.add(Permission.objects.get(codename="predict_penguins"))

        answer = Client().post(API, GENTOO, "application/json")

        assert answer.json()["prediction"] == "Gentoo"

    def test_a_token_uses_the_api_until_it_is_revoked(self):
        ada = self.user("ada", "predict_penguins", "see_own_penguins")
        token, text = make_token(ada, "a script")
        header = {"authorization": f"Bearer {text}"}
        assert Client().post(API, GENTOO, "application/json").status_code == HTTPStatus.UNAUTHORIZED

        answer = Client().post(API, GENTOO, "application/json", headers=header)

        assert answer.json()["prediction"] == "Gentoo"
        record = self.record(answer.json()["id"])
        assert (record.owner, record.actor) == (f"user:{ada.pk}", "ada")
        own = Client().get(f"/ml/api/records/{record.id}", headers=header)
        assert own.json()["id"] == record.id
        assert ApiToken.objects.get().last_used_at is not None
        token.delete()
        refused = Client().post(API, GENTOO, "application/json", headers=header)
        assert refused.status_code == HTTPStatus.UNAUTHORIZED

    def test_deleting_a_user_deletes_their_tokens(self):
        ada = self.user("ada")
        make_token(ada, "a script")

        ada.delete()

        assert not ApiToken.objects.exists()


class TheAdmin(StationCase):
    def setUp(self):
        self.ada = self.user("ada", is_staff=True, is_superuser=True)
        self.browser_of_ada = self.browser(self.ada)

    def page(self, name, *args, **query):
        address = reverse(f"admin:{name}", args=args)
        return self.browser_of_ada.get(address, query)

    def test_every_list_of_the_admin_opens(self):
        self.browser_of_ada.post("/", GENTOO)
        make_token(self.ada, "a script")

        for name in (
            "index",
            "auth_user_changelist",
            "auth_group_changelist",
            "sightings_sighting_changelist",
            "podium_prediction_changelist",
            "podium_servedmodel_changelist",
            "podium_apitoken_changelist",
            "podium_auditentry_changelist",
        ):
            assert self.page(name).status_code == HTTPStatus.OK, name
        for name, found in (
            ("auth_user_change", self.ada),
            ("sightings_sighting_change", Sighting.objects.get()),
            ("podium_servedmodel_change", ServedModel.objects.get()),
            ("podium_apitoken_change", ApiToken.objects.get()),
            ("podium_auditentry_change", AuditEntry.objects.first()),
        ):
            assert self.page(name, found.pk).status_code == HTTPStatus.OK, name
        audited = self.page("podium_auditentry_changelist", event="deployed", q="penguins")
        self.assertContains(audited, "1 audit log entry")
        self.assertContains(self.page("sightings_sighting_changelist", species="Gentoo"), "Biscoe")

    def test_a_permission_is_given_there_and_written_into_the_audit_log(self):
        ben = self.user("ben")
        form = {"username": "ben", "is_active": "on", "date_joined_0": "2024-01-01"}
        form |= {"date_joined_1": "00:00", "last_login_0": "", "last_login_1": ""}
        form["user_permissions"] = [str(Permission.objects.get(codename="predict_penguins").pk)]

        answer = self.browser_of_ada.post(reverse("admin:auth_user_change", args=[ben.pk]), form)

        assert answer.status_code == HTTPStatus.FOUND, answer.content.decode()
        entry = AuditEntry.objects.get(event="granted")
        assert (entry.actor_id, entry.target) == (f"user:{self.ada.pk}", "ben")
        assert entry.details == {"of": "user", "model": "penguins", "action": "predict"}

    def test_a_record_is_found_gets_feedback_and_is_deleted(self):
        record = self.record(predict("penguins", GENTOO, user=self.ada).id)
        listed = self.page("podium_prediction_changelist", model="penguins", outcome="Gentoo")
        self.assertContains(listed, record.id[:8])
        address = reverse("admin:podium_prediction_change", args=[record.id])

        for truth in ("Adelie", "Chinstrap"):
            answer = self.browser_of_ada.post(address, {"species": truth, "note": ""})
            assert answer.status_code == HTTPStatus.FOUND, answer.content.decode()

        corrected = self.record(record.id)
        assert corrected.feedback_truth == "Chinstrap"
        assert [one["truth"] for one in corrected.feedback_earlier] == ["Adelie"]
        self.browser_of_ada.post(reverse("admin:podium_prediction_delete_one", args=[record.id]))
        assert not Prediction.objects.exists()


class TheCommands(StationCase):
    def test_a_collection_is_scored(self):
        ada = self.user("ada")
        for mass in (3_200, 5_850):
            Sighting.objects.create(seen_by=ada, **GENTOO | {"body_mass_g": mass})

        call_command("podium_score", "penguins", "sightings.Sighting", set=["species=prediction"])

        assert list(Sighting.objects.values_list("species", flat=True)) == ["Gentoo", "Gentoo"]
        assert Prediction.objects.count() == 2

    def test_records_are_exported_and_monitored(self):
        ada = self.user("ada", is_superuser=True)
        record = self.record(predict("penguins", GENTOO).id)
        browser = self.browser(ada)

        rows = browser.get("/ml/models/penguins/records.csv").getvalue().decode()
        monitor = browser.get("/ml/models/penguins/monitor")
        ready = browser.get("/ml/readyz")

        assert record.id in rows
        assert monitor.status_code == HTTPStatus.OK
        assert json.loads(ready.content)["status"] == "ready", ready.content

    def test_the_page_of_a_result_shows_it(self):
        cleo = self.user("cleo", "predict_penguins", "see_own_penguins")

        browser = self.browser(cleo)
        page = browser.get("/ml/models/penguins").content.decode()
        form = GENTOO | {"csrfmiddlewaretoken": TOKEN.search(page)[1]}
        answer = browser.post("/ml/models/penguins", form)

        assert answer.status_code == HTTPStatus.SEE_OTHER, answer.content.decode()
        self.assertContains(browser.get(answer["location"]), "Gentoo")
