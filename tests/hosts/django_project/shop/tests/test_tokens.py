"""API tokens: how they look, what they open, and for how long."""

from __future__ import annotations

import datetime as dt
import json
import re
import zlib

import pytest
from django.test import TestCase
from django.utils import timezone

from podium.access import ALL, Action, Actor, allowed
from podium.errors import InputError, NotAllowed, NotAuthenticated
from podium.hosts.django.authority import DjangoAuthority
from podium.hosts.django.models import ApiToken
from podium.hosts.django.tokens import (
    DAYS,
    VALID_MAX,
    is_token,
    make_token,
    new_text,
    revoke_token,
)
from podium.http import Request
from shop.tests.shop_case import GOOD, PREFIX, ShopCase

PREDICT = f"{PREFIX}/api/models/loans/predict"


def actor_with(text: str) -> Actor:
    headers = {"authorization": f"Bearer {text}"}
    return DjangoAuthority({"loans": "1", "other": "1"}).of_api(
        Request("GET", "/", headers=headers)
    )


class HowTokensLook(TestCase):
    def test_a_token_is_pod_and_thirty_digits_and_its_checksum(self):
        text = new_text()

        assert re.fullmatch(r"pod_[0-9A-Za-z]{36}", text)
        assert is_token(text.encode())
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        number = 0
        for digit in text[34:]:
            number = number * 62 + digits.index(digit)
        assert number == zlib.crc32(text[4:34].encode())

    def test_no_two_are_alike(self):
        assert len({new_text() for _ in range(1_000)}) == 1_000

    def test_a_mistake_in_copying_is_seen_without_the_database(self):
        text = new_text()
        for place in range(4, 40):
            wrong = text[:place] + ("b" if text[place] == "a" else "a") + text[place + 1 :]
            with self.assertNumQueries(0):
                assert not is_token(wrong.encode())


class WhatTokensOpen(ShopCase):
    def setUp(self):
        self.cleo = self.member(
            "cleo@shop.example", "predict_loans", "see_all_loans", "predict_other"
        )

    def test_a_token_opens_bulk_requests(self):
        _, text = make_token(self.cleo, "nightly")
        rows, long_body = json.dumps([GOOD] * 1_001), json.dumps(GOOD) + " " * 2**20
        browser = self.browser(self.cleo)

        def status(body: str, **headers: str) -> int:
            return browser.post(PREDICT, body, "application/json", headers=headers).status_code

        token = f"Bearer {text}"
        assert status(rows, authorization=token) == status(long_body, authorization=token) == 200
        assert status(long_body) == 413  # a login is for pages
        assert status(long_body, authorization="Bearer wrong") == 401
        assert status(" " * 2_621_441, authorization=token) == 413  # more than Django reads

    def test_a_token_does_what_its_owner_may_in_their_name(self):
        _, text = make_token(self.cleo, "nightly")

        actor = actor_with(text)

        assert (actor.name, actor.via) == ("cleo@shop.example", "nightly")
        assert allowed(actor, Action.PREDICT, "loans")
        assert not allowed(actor, Action.DELETE, "loans")

    def test_a_token_authenticates_api_requests(self):
        _, text = make_token(self.cleo, "nightly")
        browser = self.browser()

        good = browser.post(
            PREDICT, GOOD, "application/json", headers={"authorization": f"Bearer {text}"}
        )
        page = browser.get(f"{PREFIX}/models/loans", headers={"authorization": f"Bearer {text}"})

        assert good.status_code == 200
        assert page.status_code == 303  # to the login: tokens open no pages

    def test_it_never_has_more_than_its_owner(self):
        _, text = make_token(
            self.cleo, "all", models=["loans", "secret"], actions=list(Action), days=7
        )

        actor = actor_with(text)

        assert actor.grants == {"loans": {Action.PREDICT, Action.SEE, Action.SEE_OWN}}

    def test_it_may_be_for_less(self):
        _, text = make_token(self.cleo, "own", models=["loans"], actions=[Action.SEE_OWN])

        assert actor_with(text).grants == {"loans": frozenset({Action.SEE_OWN})}

    def test_a_superusers_token_is_for_its_models_only(self):
        ada = self.member("ada@shop.example", is_superuser=True)
        _, text = make_token(ada, "x", models=["loans"], actions=[Action.PREDICT, Action.METRICS])

        actor = actor_with(text)

        assert allowed(actor, Action.PREDICT, "loans")
        assert not allowed(actor, Action.PREDICT, "other")
        assert not allowed(actor, Action.METRICS, ALL)

    def test_an_action_that_is_unknown_opens_nothing(self):
        token, text = make_token(self.cleo, "old")
        ApiToken.objects.filter(pk=token.pk).update(actions=["fly"])

        assert actor_with(text).grants == {}

    def test_a_revoked_expired_or_unknown_token_is_invalid(self):
        revoked, first = make_token(self.cleo, "a")
        old, second = make_token(self.cleo, "b")
        revoke_token(revoked)
        past = timezone.now() - dt.timedelta(seconds=1)
        ApiToken.objects.filter(pk=old.pk).update(expires_at=past)

        for text in (first, second, new_text(), "pod_x", ""):
            with pytest.raises(NotAuthenticated):
                actor_with(text)

    def test_none_opens_anything_once_its_owner_is_inactive(self):
        _, text = make_token(self.cleo, "a")
        self.cleo.is_active = False
        self.cleo.save()

        with pytest.raises(NotAuthenticated):
            actor_with(text)

    def test_only_its_digest_is_stored(self):
        token, text = make_token(self.cleo, "a")

        row = ApiToken.objects.filter(pk=token.pk).values().get()

        assert text not in str(row)
        assert text[4:34] not in str(row)
        assert len(row["digest"]) == 64

    def test_it_expires_after_ninety_days_by_default(self):
        token, _ = make_token(self.cleo, "a")

        assert (token.expires_at - token.created_at).days == DAYS == 90

    def test_when_it_was_used_last_is_written_once_a_minute(self):
        token, text = make_token(self.cleo, "a")
        actor_with(text)
        token.refresh_from_db()
        first = token.last_used_at

        actor_with(text)
        token.refresh_from_db()

        assert first is not None
        assert token.last_used_at == first

    def test_a_token_cannot_create_tokens(self):
        _, text = make_token(self.cleo, "a")
        actor = actor_with(text)

        with pytest.raises(NotAllowed):
            make_token(self.cleo, "b", by=actor)

    def test_names_and_days_that_cannot_be_used_are_refused(self):
        for nothing in ({"models": []}, {"actions": []}):
            with pytest.raises(InputError):
                make_token(self.cleo, "for nothing", **nothing)
        for name, days in (("", 7), (" ", 7), ("x" * 81, 7), ("a\nb", 7), ("a", 0), ("a", 367)):
            with pytest.raises(InputError):
                make_token(self.cleo, name, days=days)

    def test_the_number_of_tokens_is_limited(self):
        for number in range(VALID_MAX):
            make_token(self.cleo, f"token {number}")

        with pytest.raises(InputError):
            make_token(self.cleo, "one more")
