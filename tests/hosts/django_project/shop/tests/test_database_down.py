"""The project's database is away: what everybody may goes on, and nothing else is granted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from django.contrib.auth.models import Group
from django.db import OperationalError, connections

from podium.hosts.django.host import current_host
from podium.hosts.django.permissions import PUBLIC
from podium.hosts.django.tokens import make_token
from shop.tests.shop_case import GOOD, PREFIX, RecordsCase, permission, with_podium

API, FORM = f"{PREFIX}/api/models/loans/predict", f"{PREFIX}/models/loans"
READY = f"{PREFIX}/readyz"


@contextmanager
def away() -> Iterator[None]:
    """No statement reaches a database from this thread."""

    def refuse(*_: Any) -> NoReturn:
        raise OperationalError("connection refused: secret.internal")

    with (
        connections["default"].execute_wrapper(refuse),
        connections["predictions"].execute_wrapper(refuse),
    ):
        yield


class TheDatabaseIsAway(RecordsCase):
    def ask(self, **headers: str) -> Any:
        return self.browser().post(API, GOOD, "application/json", headers=headers)

    @with_podium(public=["loans"])
    def test_a_public_model_predicts_and_is_recorded(self):
        current_host().app.start()

        with self.assertLogs("podium", "ERROR") as log, away():
            answer, form, ready = self.ask(), self.browser().get(FORM), self.browser().get(READY)
        after = self.browser().get(READY)

        assert (answer.status_code, form.status_code) == (200, 200)
        assert self.row(answer.json()["id"]).outcome == "yes"
        assert sum("accounts_not_read" in line for line in log.output) == 1
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["accounts"] == "failing"
        assert "secret" not in ready.content.decode()
        assert after.json()["status"] == "ready"

    def test_what_the_public_was_granted_goes_on_in_a_process_that_knew_it(self):
        Group.objects.get_or_create(name=PUBLIC)[0].permissions.add(permission("predict_loans"))
        assert self.ask().status_code == 200

        with self.assertLogs("podium", "ERROR"), away():
            assert self.ask().status_code == 200

    def test_what_is_not_public_stays_closed(self):
        assert self.ask().status_code == 401

        with self.assertLogs("podium", "ERROR"), away():
            assert self.ask().status_code == 401
            assert self.browser().get(FORM).status_code == 303

    @with_podium(public=["loans"])
    def test_a_user_who_cannot_be_looked_up_gets_an_error_and_is_not_anonymous(self):
        ada = self.member("ada@shop.example", is_superuser=True)
        _, text = make_token(ada, "nightly")
        browser = self.browser(ada)
        current_host().app.start()

        with self.assertLogs("podium", "ERROR"), away():
            by_token = self.ask(authorization=f"Bearer {text}")
            by_cookie = browser.get(FORM)
            ready = self.browser().get(READY, headers={"authorization": f"Bearer {text}"})

        assert (by_token.status_code, by_token.json()["code"]) == (503, "accounts")
        assert "the accounts can't be read" in by_token.json()["detail"]
        assert by_cookie.status_code == 503
        assert "can&#39;t be recorded" not in by_cookie.content.decode()
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
