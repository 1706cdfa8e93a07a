"""Alerts: what becomes of them, window by window."""

from __future__ import annotations

from typing import get_args

import pytest

from podium.monitoring.alarms import Alarm, AlarmKind
from podium.monitoring.alerts import Alert, Look, advance

EVERYTHING = frozenset(get_args(AlarmKind))


def alarm(kind="drift", level="amber", is_firing=True) -> Alarm:
    what = "field" if kind not in ("refused", "silence") else ""
    name = "age" if what else ""
    return Alarm(
        kind=kind, level=level, is_firing=is_firing, what=what, name=name, before=0.02, now=0.3
    )


def look(*alarms, period="hour", tells=EVERYTHING, digest="aa", is_gone=False) -> Look:
    return Look("churn", period, digest, "1", alarms, tells, is_gone)


def played(*looks) -> tuple[list[Alert], list[str]]:
    """The alerts after some looks, and what operators were told."""
    alerts: dict[tuple[str, ...], Alert] = {}
    told = []
    for now_us, one in enumerate(looks, 1):
        is_open = [alert for alert in alerts.values() if alert.state != "resolved"]
        changed, happened = advance(is_open, one, now_us)
        alerts |= {(alert.digest, *alert.key): alert for alert in changed}
        told += [what for what, _ in happened]
    return list(alerts.values()), told


def test_an_alarm_is_pending_then_fires_then_ends_after_two_clear_windows():
    pending, _ = played(look(alarm(is_firing=False)))
    firing, told = played(look(alarm(is_firing=False)), look(alarm()))
    lasting, _ = played(look(alarm()), look())
    ended, told_all = played(look(alarm()), look(), look())

    assert [one.state for one in (*pending, *firing, *lasting, *ended)] == [
        "pending",
        "firing",
        "firing",
        "resolved",
    ]
    assert (firing[0].since_us, firing[0].fired_us) == (1, 2)
    assert ended[0].resolved_us == 3
    assert told == ["firing"]
    assert told_all == ["firing", "resolved"]


def test_a_window_that_shows_it_again_begins_anew():
    (alert,), told = played(look(alarm()), look(), look(alarm(is_firing=False)), look())

    assert alert.state == "firing"
    assert told == ["firing"]


def test_a_pending_alarm_that_does_not_last_tells_nobody():
    (alert,), told = played(look(alarm(is_firing=False)), look())

    assert (alert.state, alert.fired_us, told) == ("resolved", None, [])


def test_a_window_with_few_rows_changes_nothing():
    unable = look(tells=frozenset())

    (alert,), told = played(look(alarm()), unable, unable, unable)

    assert (alert.state, told) == ("firing", ["firing"])


def test_an_alarm_that_becomes_red_is_told_of_once():
    (alert,), told = played(
        look(alarm()), look(alarm(level="red")), look(alarm()), look(alarm(level="red"))
    )

    assert told == ["firing", "worse"]
    assert alert.level == "red"


def test_each_length_of_windows_ends_what_it_showed():
    hours = (look(alarm()), look(alarm(), period="day"), look(), look())

    (lasting,), _ = played(*hours)
    (ended,), told = played(*hours, look(period="day"), look(period="day"))

    assert (lasting.state, set(lasting.windows)) == ("firing", {"day"})
    assert (ended.state, told) == ("resolved", ["firing", "resolved"])


def test_versions_have_alerts_of_their_own_and_take_them_along():
    alerts, told = played(
        look(alarm()), look(alarm(), digest="bb"), look(digest="aa", is_gone=True)
    )

    assert {one.digest: one.state for one in alerts} == {"aa": "resolved", "bb": "firing"}
    assert told == ["firing", "firing", "resolved"]


@pytest.mark.parametrize("kind", get_args(AlarmKind))
def test_every_alert_is_a_sentence(kind):
    (alert,), _ = played(look(alarm(kind)))

    assert "{" not in alert.sentence
    assert ("age" in alert.sentence) == bool(alert.name)
