"""Tokens in memory: as true as the database half a second ago, and far faster."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection

from podium.access import NOBODY, Action, Actor, allowed
from podium.errors import NotAuthenticated, StoreError
from podium.hosts.django import changes, remembered
from podium.hosts.django.authority import RememberingAuthority
from podium.hosts.django.remembered import Remembered, Snapshot, TokenTable
from podium.hosts.django.tokens import make_token, revoke_token
from shop.tests.shop_case import RecordsCase, permission

MODELS = {"loans": "1"}


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


class TheTable(RecordsCase):
    def setUp(self):
        self.cleo = self.member("cleo@shop.example", "predict_loans")
        self.authority = RememberingAuthority(MODELS)
        self.addCleanup(self.authority.close)

    def opens(self, text: str, action: Action = Action.PREDICT) -> bool:
        try:
            return allowed(self.authority.of_token(f"Bearer {text}".encode()), action, "loans")
        except NotAuthenticated:
            return False

    def test_what_changes_is_seen_soon(self):
        _, before = make_token(self.cleo, "before")
        assert self.opens(before)

        token, text = make_token(self.cleo, "after")
        assert within(60, lambda: self.opens(text))
        revoke_token(token)
        assert within(60, lambda: not self.opens(text))
        self.cleo.user_permissions.add(permission("delete_loans"))
        assert within(60, lambda: self.opens(before, Action.DELETE))
        self.cleo.user_permissions.clear()
        assert within(60, lambda: not self.opens(before))
        self.cleo.is_superuser = True
        self.cleo.save()
        assert within(60, lambda: self.opens(before, Action.DELETE))
        self.cleo.is_active = False
        self.cleo.save()
        assert within(60, lambda: not self.opens(before, Action.DELETE))

    def test_a_request_queries_no_database(self):
        _, text = make_token(self.cleo, "a")
        self.opens(text)

        with self.assertNumQueries(0):
            assert all(self.opens(text) for _ in range(100))

    def test_a_login_does_not_cause_another_reading(self):
        before = changes.stamp()

        self.browser().post("/enter/", {"username": self.cleo.email, "password": "a password"})

        assert changes.stamp() == before

    def test_a_change_that_is_taken_back_is_none(self):
        from django.db import transaction

        before = changes.stamp()
        with transaction.atomic():
            make_token(self.cleo, "never")
            transaction.set_rollback(True)

        assert changes.stamp() == before

    def test_a_request_without_a_token_is_public(self):
        assert self.authority.of_token(b"") == NOBODY

    def test_checking_a_known_token_calls_hardly_a_function(self):
        for number in range(20):
            make_token(self.cleo, f"token {number}")
        _, text = make_token(self.cleo, "a")
        header = f"Bearer {text}".encode()
        authority, actors = self.authority, {}

        def as_the_lane_does():
            version = authority.version
            actor = actors.get((version, header))
            if actor is None:
                actor = actors[version, header] = authority.of_token(header)
            return allowed(actor, Action.PREDICT, "loans")

        assert as_the_lane_does()
        assert _n_calls(as_the_lane_does) < 12  # 2 us; a look into the database calls hundreds

    def test_when_it_was_used_last_is_written_later(self):
        token, text = make_token(self.cleo, "a")
        self.opens(text)

        self.authority._table._stopping.set()
        self.authority._table._thread.join()
        self.authority._table._note_used(self.authority._table._used)

        token.refresh_from_db()
        assert token.last_used_at is not None


class TheTableAlone(RecordsCase):
    """With what it reads in our hands."""

    def setUp(self):
        self.broken, self.valid, self.stamp = False, {"d"}, 1
        self.n_reads = self.n_closed = 0
        self.used: set[int] = set()
        self.until = time.time() + 3_600
        for name, value in {"POLL_S": 0.01, "IDLE_S": 0.1, "USED_S": 0.05, "GRACE_S": 0.2}.items():
            self.addCleanup(setattr, remembered, name, getattr(remembered, name))
            setattr(remembered, name, value)
        self.table = TokenTable(
            self.read, lambda: self.valid, lambda: self.stamp, self.used.update, self.closed
        )
        self.addCleanup(self.table.close)

    def read(self) -> Snapshot:
        if self.broken:
            raise connection.Database.OperationalError("no such host")
        self.n_reads += 1
        return Snapshot({"d": Remembered(Actor("cleo"), self.until, 7)})

    def closed(self) -> None:
        self.n_closed += 1

    def test_it_is_read_once_as_long_as_nothing_changes(self):
        assert within(0.3, lambda: self.table.find("d") is None) is False

        assert self.n_reads == 1

    def test_what_is_revoked_does_not_wait_until_all_rights_are_read(self):
        assert self.table.find("d") is not None
        reading = threading.Event()
        self.addCleanup(reading.set)
        self.table._read = lambda: (reading.wait(60), Snapshot())[1]

        self.valid, self.stamp = set(), 2

        assert within(60, lambda: self.table.find("d") is None)
        assert not reading.is_set()

    def test_a_token_ends_in_time(self):
        self.until, remembered.IDLE_S, remembered.USED_S = time.time() + 3, 30, 30
        before = self.table.version
        assert self.table.find("d") is not None

        assert within(60, lambda: self.table.version > before)
        assert self.table.find("d") is None

    def test_the_thread_ends_when_idle_and_the_next_request_starts_it(self):
        assert self.table.find("d") is not None
        thread = self.table._thread
        assert within(60, lambda: not thread.is_alive())
        assert self.n_closed > 0

        assert self.table.find("d") is not None
        assert self.n_reads == 2

    def test_a_used_token_is_noted_and_read_again(self):
        first = self.table.version
        self.table.find("d")

        assert within(60, lambda: self.used == {7} and self.table.version > first)

    def test_a_database_that_is_gone_for_long_opens_nothing(self):
        assert self.table.find("d") is not None
        self.broken = True
        assert self.table.failure == ""
        self.table._stamp = self.read  # not even that can be read

        def is_closed() -> bool:
            try:
                self.table.version  # noqa: B018
                self.table.find("d")
            except StoreError:
                return True
            return False

        assert not is_closed()
        assert within(60, is_closed)
        assert self.table.public() == NOBODY  # who may what everybody may, which nobody takes back
        assert self.table.failure

    def test_a_database_that_is_not_there_at_first_is_found_later(self):
        self.broken = True
        with pytest.raises(StoreError):
            self.table.find("d")
        self.broken = False

        assert within(60, lambda: self._finds())

    def _finds(self) -> bool:
        try:
            return self.table.find("d") is not None
        except StoreError:
            return False


def _n_calls(work: Callable[[], object]) -> int:
    """How many functions are called, of Python and of C."""
    calls: list[str] = []
    sys.setprofile(lambda _, event, __: calls.append(event))
    try:
        work()
    finally:
        sys.setprofile(None)
    print(calls)
    return sum(event in ("call", "c_call") for event in calls)
