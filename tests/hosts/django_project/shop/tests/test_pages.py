"""Who sees which page, and how the pages stand in the project's own."""

from __future__ import annotations

import re
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import override_settings
from django.urls import reverse

from shop.tests.shop_case import GOOD, HTML, PREFIX, RecordsCase, with_podium

FORM = {name: str(value).lower() for name, value in GOOD.items()}
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')

RESULT = re.compile(rf"{PREFIX}/models/loans/results/([0-9a-f]{{32}})")


def send(browser, values, **rest):
    """The form, as a browser sends it."""
    media = "application/x-www-form-urlencoded"
    return browser.post(f"{PREFIX}/models/loans", urlencode(values), media, **rest)


class WhoSeesWhat(RecordsCase):
    def test_anonymous_users_are_sent_to_the_projects_login_and_back(self):
        answer = self.browser().get(f"{PREFIX}/models/loans?example=2")

        assert answer.status_code == 303
        assert answer["location"] == ("/enter/?next=%2Ftools%2Fml%2Fmodels%2Floans%3Fexample%3D2")

    def test_a_program_at_the_home_page_learns_that_the_server_is_alive(self):
        browser = self.browser()

        answer, page = browser.get(f"{PREFIX}/"), browser.get(f"{PREFIX}/", headers=HTML)

        assert (answer.status_code, answer.json()["status"]) == (200, "alive")
        assert answer.json()["links"]["docs"] == f"{PREFIX}/docs"
        assert not answer.cookies
        assert page.status_code == 303  # to log in

    def test_a_user_without_a_permission_does_not_learn_of_the_model(self):
        browser = self.browser(self.member("ben@shop.example"))

        assert browser.get(f"{PREFIX}/models/loans").status_code == 404
        assert b"loans" not in browser.get(f"{PREFIX}/", headers=HTML).content

    def test_a_user_with_the_permission_for_one_model_uses_its_form(self):
        browser = self.browser(self.member("cleo@shop.example", "predict_loans"))

        assert b"/tools/ml/models/loans" in browser.get(f"{PREFIX}/", headers=HTML).content
        assert browser.get(f"{PREFIX}/models/loans").status_code == 200

    def test_a_user_with_the_permission_for_all_models_uses_its_form(self):
        browser = self.browser(self.member("dan@shop.example", "predict"))

        assert browser.get(f"{PREFIX}/models/loans").status_code == 200

    def test_the_permission_to_predict_does_not_show_records(self):
        browser = self.browser(self.member("cleo@shop.example", "predict_loans"))

        assert browser.get(f"{PREFIX}/models/loans/records").status_code == 403

    def test_a_public_model_is_open_to_everybody_but_its_records_are_not(self):
        with with_podium(public=["loans"]):
            browser = self.browser()

            assert browser.get(f"{PREFIX}/models/loans").status_code == 200
            assert browser.get(f"{PREFIX}/models/loans/records").status_code == 303
            api = f"{PREFIX}/api/models/loans/predict"
            assert browser.post(api, GOOD, "application/json").status_code == 200

    def test_a_cookie_opens_no_api(self):
        browser = self.browser(self.member("ada@shop.example", is_superuser=True))

        answer = browser.post(f"{PREFIX}/api/models/loans/predict", GOOD, "application/json")

        assert answer.status_code == 401
        assert answer["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "not_authenticated"

    def test_a_user_who_is_no_longer_active_sees_nothing(self):
        member = self.member("ada@shop.example", is_superuser=True)
        browser = self.browser(member)
        member.is_active = False
        member.save()

        assert browser.get(f"{PREFIX}/models/loans").status_code == 303


class TheForm(RecordsCase):
    def setUp(self):
        self.cleo = self.member("cleo@shop.example", "predict_loans", "see_own_loans")

    def test_it_carries_the_projects_token_and_is_recorded_with_the_users_name(self):
        browser = self.browser(self.cleo, enforce_csrf_checks=True)
        page = browser.get(f"{PREFIX}/models/loans").content.decode()
        token = TOKEN.search(page)[1]

        answer = send(browser, FORM | {"csrfmiddlewaretoken": token})

        assert answer.status_code == 303, answer.content
        record_id = RESULT.fullmatch(answer["location"])[1]
        row = self.row(record_id)
        assert (row.actor, row.source, row.model) == ("cleo@shop.example", "form", "loans")
        assert row.inputs == GOOD
        assert browser.get(f"{PREFIX}/records/{record_id}").status_code == 200
        assert b'id="result"' in browser.get(answer["location"]).content

    def test_a_request_in_a_transaction_of_its_own_is_recorded(self):
        from django.db import connections

        connections.databases["predictions"]["ATOMIC_REQUESTS"] = True
        usual = {"ATOMIC_REQUESTS": False}
        self.addCleanup(connections.databases["predictions"].update, usual)
        browser = self.browser(self.cleo)

        answer = send(browser, FORM)

        record_id = RESULT.fullmatch(answer["location"])[1]
        assert browser.get(f"{PREFIX}/records/{record_id}").status_code == 200
        assert self.row(record_id).source == "form"


class TheWayOut(RecordsCase):
    def test_every_page_names_the_user_leads_back_and_logs_out(self):
        member = self.member("cleo@shop.example", "predict_loans")
        browser = self.browser(member, enforce_csrf_checks=True)
        with override_settings(ROOT_URLCONF="shop.tests.site_urls"):
            page = browser.get(f"{PREFIX}/models/loans").content.decode()

            self.assertInHTML(f'<bdi class="who">{member}</bdi>', page)
            self.assertInHTML('<a href="/">Back to the site</a>', page)
            assert '<form method="post" action="/leave/">' in page
            token = TOKEN.search(page)[1]
            answer = browser.post("/leave/", {"csrfmiddlewaretoken": token})
            assert (answer.status_code, answer["location"]) == (302, "/")
            assert browser.get("/").content == b"home of AnonymousUser"

    def test_nothing_leads_to_what_the_project_does_not_have(self):
        page = self.browser(self.member("cleo@shop.example", "predict_loans")).get(
            f"{PREFIX}/", headers=HTML
        )

        for words in (b"Back to the site", b"Log out"):
            assert words not in page.content

    def test_the_settings_come_first(self):
        browser = self.browser(self.member("cleo@shop.example", "predict_loans"))
        with (
            override_settings(ROOT_URLCONF="shop.tests.site_urls"),
            with_podium(back_url="/desk", logout_url="/bye"),
        ):
            page = browser.get(f"{PREFIX}/", headers=HTML).content.decode()

        self.assertInHTML('<a href="/desk">Back to the site</a>', page)
        self.assertInHTML('<a href="/bye">Log out</a>', page)


class TheFormRefused(RecordsCase):
    def setUp(self):
        self.cleo = self.member("cleo@shop.example", "predict_loans")

    def test_without_the_token_it_is_refused_also_where_the_middleware_is_missing(self):
        without = [one for one in settings.MIDDLEWARE if "csrf" not in one]
        for middleware in (settings.MIDDLEWARE, without):
            with override_settings(MIDDLEWARE=middleware):
                browser = self.browser(self.cleo, enforce_csrf_checks=True)

                assert send(browser, FORM).status_code == 403

    def test_a_form_may_come_in_parts_as_the_test_client_sends_it(self):
        answer = self.browser(self.cleo).post(f"{PREFIX}/models/loans", FORM)

        assert answer.status_code == 200

    def test_a_form_with_a_file_is_refused(self):
        file = SimpleUploadedFile("note.txt", b"hello")

        answer = self.browser(self.cleo).post(f"{PREFIX}/models/loans", {**FORM, "note": file})

        assert answer.status_code == 400

    def test_a_file_of_truths_is_added(self):
        ada = self.member("ada@shop.example", "predict_loans", "see_own_loans", "feedback_loans")
        browser, inbox = self.browser(ada), f"{PREFIX}/models/loans/inbox"
        send(browser, FORM)
        (record_id,) = re.findall(rb'name="id" value="([0-9a-f]{32})"', browser.get(inbox).content)
        file = SimpleUploadedFile("truth.csv", b"id,truth\n%s,no\n" % record_id)

        answer = browser.post(f"{inbox}/file", {"file": file})

        self.assertContains(answer, "1 row was added")
        assert self.row(record_id.decode()).feedback_truth == "no"
        strict = self.browser(ada, enforce_csrf_checks=True)
        assert strict.post(f"{inbox}/file", {"file": file}).status_code == 403

    def test_another_sites_form_does_not_come_through_the_gate(self):
        browser = self.browser(self.cleo)

        answer = send(browser, FORM, headers={"sec-fetch-site": "cross-site"})

        assert answer.status_code == 403
        assert b"another site" in answer.content

    def test_a_body_that_django_would_not_read_is_refused_as_by_every_host(self):
        with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=100), with_podium(public="*"):
            answer = self.browser().post(
                f"{PREFIX}/api/models/loans/predict", [GOOD] * 5, "application/json"
            )

        assert answer.status_code == 413
        assert answer.json()["detail"] == "the body is longer than 100 bytes"


class TheProjectsOwn(RecordsCase):
    def setUp(self):
        self.ada = self.member("ada@shop.example", is_superuser=True)

    def test_the_base_template_stands_around_the_pages_in_the_users_language(self):
        with with_podium(base_template="shop/base.html"):
            browser = self.browser(self.ada)
            page = browser.get(f"{PREFIX}/models/loans", headers={"accept-language": "he"})

        html = page.content.decode()
        assert '<html lang="he">' in html
        assert "<title>" in html
        assert "- Shop</title>" in html
        assert html.count("<main") == 0
        assert "Asia/Jerusalem" in html or "IST" in html or "IDT" in html
        assert 'name="age"' in html
        assert "ada@shop.example" in html or "Ada" in html

    def test_pages_link_the_projects_static_files_once_they_are_collected(self):
        manifest = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
        browser = self.browser(self.ada)
        before = browser.get(f"{PREFIX}/", headers=HTML).content.decode()
        with TemporaryDirectory() as folder:
            storages = {**settings.STORAGES, "staticfiles": manifest}
            with override_settings(STATIC_ROOT=folder, STORAGES=storages):
                uncollected = browser.get(f"{PREFIX}/", headers=HTML).content.decode()
                call_command("collectstatic", interactive=False, verbosity=0)
                after = browser.get(f"{PREFIX}/", headers=HTML).content.decode()

        own = re.compile(r'href="(/tools/ml/static/podium\.\w+\.css)"')
        assert browser.get(own.search(before)[1])["content-type"].startswith("text/css")
        assert own.search(uncollected)
        assert re.search(r'href="/assets/podium/podium\.\w+\.css"', after)

    def test_errors_stand_in_the_base_template_too(self):
        with with_podium(base_template="shop/base.html"):
            page = self.browser(self.ada).get(f"{PREFIX}/models/nope")

        assert page.status_code == 404
        assert b"- Shop</title>" in page.content

    def test_names_of_routes_lead_to_their_addresses(self):
        assert reverse("podium:home") == f"{PREFIX}/"
        assert reverse("podium:model", args=["loans"]) == f"{PREFIX}/models/loans"
        assert reverse("podium:predict", args=["loans"]) == f"{PREFIX}/api/models/loans/predict"

    def test_a_host_that_the_project_does_not_know_is_refused(self):
        without = [one for one in settings.MIDDLEWARE if "Common" not in one]
        with override_settings(MIDDLEWARE=without):
            answer = self.browser(self.ada).get(
                f"{PREFIX}/", headers=HTML | {"host": "evil.example"}
            )

        assert answer.status_code == 421
