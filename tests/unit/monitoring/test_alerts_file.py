"""The file of the alerts: written once, whoever looks at once."""

from __future__ import annotations

import threading

import apsw
import msgspec
import pytest

from podium.errors import NotFound, StoreError
from podium.monitoring.alarms import Alarm
from podium.monitoring.alerts import Look
from podium.monitoring.alerts_file import AlertsFile

ALARM = Alarm(kind="drift", level="red", is_firing=True, what="field", name="age", now=0.3)
LOOK = Look("churn", "hour", "aa", "1", (ALARM,), frozenset({"drift"}))
PENDING = Look("churn", "hour", "aa", "1", (msgspec.structs.replace(ALARM, is_firing=False),))
CLEAR = Look("churn", "hour", "aa", "1", (), frozenset({"drift"}))


@pytest.fixture
def file(tmp_path):
    return AlertsFile(tmp_path / "alerts.db")


def taken(file, hour, look, channels=("webhook",)):
    return [what for what, _ in file.take("churn", "hour", hour, [look], channels, hour * 10)]


def test_there_is_nothing_where_there_is_no_file(file, tmp_path):
    assert file.alerts("churn") == file.due("webhook", 10, 10) == []
    assert file.counts() == {}
    assert file.looked("churn", "hour") == 0
    file.drop_all_but([])
    assert list(tmp_path.iterdir()) == []


def test_a_window_is_looked_at_once(file):
    assert taken(file, 5, LOOK) == ["firing"]
    assert taken(file, 5, LOOK) == taken(file, 4, CLEAR) == []
    assert file.looked("churn", "hour") == 5
    assert len(file.due("webhook", 1_000, 10)) == 1


def test_a_clock_that_was_ahead_for_a_while_stops_nothing(file):
    assert taken(file, 10_000, CLEAR) == []
    assert taken(file, 9_900, LOOK) == []

    assert taken(file, 5, LOOK) == ["firing"]
    assert file.looked("churn", "hour") == 5


def test_many_that_look_at_once_write_one_alert(file):
    barrier, told = threading.Barrier(8), []

    def take():
        barrier.wait()
        told.extend(taken(AlertsFile(file.path), 5, LOOK))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert told == ["firing"]
    assert len(file.alerts("churn")) == len(file.due("webhook", 1_000, 10)) == 1


def test_an_alert_keeps_its_number_until_it_ends(file):
    taken(file, 1, LOOK)
    (first,) = file.alerts("churn")
    taken(file, 2, CLEAR)
    taken(file, 3, CLEAR)
    taken(file, 4, LOOK)

    (second,) = file.alerts("churn")

    assert second.number > first.number > 0
    assert [one.number for one in file.alerts("churn", ("resolved",))] == [first.number]


def test_a_pending_alert_that_ends_leaves_nothing(file):
    taken(file, 1, PENDING)
    assert file.counts() == {("churn", "drift", "pending"): 1}
    taken(file, 2, CLEAR)

    assert file.alerts("churn", ("pending", "firing", "resolved")) == []


def test_who_knows_of_an_alert_is_kept_and_the_first_one_stays(file):
    taken(file, 1, LOOK)
    (alert,) = file.alerts("churn")

    file.acknowledge("churn", alert.number, "ada", "a new campaign", 77)
    again = file.acknowledge("churn", alert.number, "bob", "me too", 99)
    taken(file, 2, LOOK)

    (later,) = file.alerts("churn")
    assert (again.acknowledged_by, again.note, again.acknowledged_us) == (
        "ada",
        "a new campaign",
        77,
    )
    assert later.acknowledged_by == "ada"
    assert file.counts() == {("churn", "drift", "acknowledged"): 1}
    with pytest.raises(NotFound):
        file.acknowledge("other", alert.number, "ada", "", 1)
    with pytest.raises(NotFound):
        file.acknowledge("churn", 99, "ada", "", 1)


def test_an_alert_that_ended_is_not_acknowledged(file):
    for hour, look in enumerate((LOOK, CLEAR, CLEAR), 1):
        taken(file, hour, look)
    (alert,) = file.alerts("churn", ("resolved",))

    assert file.acknowledge("churn", alert.number, "ada", "", 1).acknowledged_by == ""


def test_what_was_not_sent_is_due_later_and_what_was_is_gone(file):
    taken(file, 1, LOOK, ("webhook", "email"))
    notices = file.due("webhook", 10, 10)
    file.postpone(notices, 500)

    assert file.due("webhook", 499, 10) == []
    (again,) = file.due("webhook", 500, 10)
    assert (again.number, again.n_tries) == (notices[0].number, 1)
    file.sent([again])
    assert file.due("webhook", 10_000, 10) == []
    assert len(file.due("email", 10_000, 10)) == 1
    file.drop_all_but(["webhook"])
    assert file.due("email", 10_000, 10) == []


def test_only_so_many_alerts_that_ended_are_kept(file, monkeypatch):
    monkeypatch.setattr("podium.monitoring.alerts_file.ENDED_KEPT", 2)
    for start in range(0, 15, 3):
        for hour, look in enumerate((LOOK, CLEAR, CLEAR), start + 1):
            taken(file, hour, look)

    assert len(file.alerts("churn", ("resolved",))) == 2


def test_a_file_that_is_no_database_is_a_store_error(file):
    file.path.write_bytes(b"no database at all" * 500)

    with pytest.raises(StoreError):
        file.alerts("churn")
    with pytest.raises(StoreError):
        taken(file, 1, LOOK)


def test_a_file_of_a_newer_podium_or_another_program_is_left_alone(file):
    taken(file, 1, LOOK)
    connection = apsw.Connection(str(file.path))
    connection.pragma("user_version", 99)

    with pytest.raises(StoreError, match="newer"):
        file.alerts("churn")
    connection.pragma("application_id", 1)
    with pytest.raises(StoreError, match="another program"):
        file.alerts("churn")
    connection.close()
