"""A model of the project that can't be opened is an error on its own pages, and nowhere else."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import Group

from podium.errors import PodiumError
from podium.hosts.django import podium_form
from podium.hosts.django.host import current_host
from podium.hosts.django.models import ServedModel
from podium.hosts.django.permissions import PUBLIC
from shop.tests.shop_case import GOOD, HTML, PREFIX, RecordsCase, permission, with_podium

API = f"{PREFIX}/api/models/{{}}/predict"
GONE = {"models": settings.PODIUM["models"] | {"gone": "nowhere/gone.podium"}}


class AModelThatIsGone(RecordsCase):
    def setUp(self):
        self.ada = self.member("ada@shop.example", is_superuser=True, is_staff=True)

    @with_podium(**GONE)
    def test_the_admin_and_other_models_go_on(self):
        browser = self.browser(self.ada)
        ServedModel.objects.create(name="gone", version="1")

        with self.assertLogs("podium", "ERROR") as log:
            pages = [browser.get(one) for one in ("/admin/", "/admin/podium/servedmodel/")]

        assert [one.status_code for one in pages] == [200, 200]
        assert "model_not_loaded gone: " in log.output[0]
        row = ServedModel.objects.get(name="gone")
        detail = browser.get(f"/admin/podium/servedmodel/{row.pk}/change/").content.decode()
        assert "nowhere/gone.podium doesn&#x27;t exist" in detail
        assert browser.get("/admin/podium/prediction/").status_code == 200
        assert browser.get("/admin/podium/apitoken/add/").status_code == 200
        assert browser.get(f"{PREFIX}/", headers=HTML).status_code == 200
        form = browser.get(f"{PREFIX}/models/gone")
        assert form.status_code == 503
        assert "doesn&#39;t exist" in form.content.decode()

    @with_podium(**GONE, public=["loans", "gone"])
    def test_its_api_returns_an_error_without_the_reason(self):
        with self.assertLogs("podium", "ERROR"):
            current_host().app.start()
            refused = self.browser().post(API.format("gone"), GOOD, "application/json")
        other = self.browser().post(API.format("loans"), GOOD, "application/json")
        ready = self.browser().get(f"{PREFIX}/readyz")

        assert (refused.status_code, refused.json()["code"]) == (503, "model_not_loaded")
        assert "nowhere" not in refused.content.decode()
        assert other.status_code == 200
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["failed"] == ["gone"]

    @with_podium(**GONE)
    def test_what_was_granted_counts_and_it_has_its_permissions(self):
        ben = self.member("ben@shop.example", "predict_gone")
        Group.objects.get_or_create(name=PUBLIC)[0].permissions.add(permission("predict_loans"))

        with self.assertLogs("podium", "ERROR"):
            site = current_host().app.site
            assert self.browser(ben).get(f"{PREFIX}/models/gone").status_code == 503
        assert site.authority._models["gone"] == ""
        assert self.browser().get(f"{PREFIX}/models/gone").status_code == 303

    @with_podium(**GONE)
    def test_python_gets_the_reason(self):
        with self.assertLogs("podium", "ERROR"), pytest.raises(PodiumError, match="doesn't exist"):
            podium_form("gone")

    @with_podium(models={}, colour="red")
    def test_a_setting_that_cannot_be_used_leaves_the_admin_alone(self):
        ben = self.member("ben@shop.example", is_staff=True)

        assert self.browser(ben).get("/admin/").status_code == 200
        assert self.browser(self.ada).get("/admin/").status_code == 200
