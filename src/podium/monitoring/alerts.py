"""Alerts: alarms that last, from the first window that shows one until two running don't."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from podium.bundle.baseline import Period
from podium.monitoring.alarms import Alarm, AlarmKey, AlarmKind

State: TypeAlias = Literal["pending", "firing", "resolved"]
Happening: TypeAlias = Literal["firing", "worse", "resolved"]
STATES: tuple[State, ...] = ("pending", "firing", "resolved")
# So many windows running without the alarm end it.
CLEAR_WINDOWS = 2


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What operators are told about a version.

    Attributes:
        number: of the alert; 0 before it is written.
        digest: of the version; "" of what concerns the whole model.
        what: the kind of what was counted, and `name` its name; both "" of a whole model.
        level: the highest that it had.
        before: as the alarm has it, like `now`.
        windows: those that show it, with how many running didn't any more.
        since_us: when it was first seen, in microseconds since 1970.
        acknowledged_by: who knows of it; "" as long as nobody does.
        note: what they say about it.
    """

    number: int = 0
    model: str
    version: str = ""
    digest: str = ""
    kind: AlarmKind
    what: str = ""
    name: str = ""
    level: Literal["amber", "red"]
    state: State
    before: float = 0.0
    now: float = 0.0
    windows: dict[Period, int] = {}
    since_us: int
    fired_us: int | None = None
    resolved_us: int | None = None
    acknowledged_us: int | None = None
    acknowledged_by: str = ""
    note: str = ""

    @property
    def key(self) -> AlarmKey:
        """What is the same of an alarm from window to window."""
        return self.kind, self.what, self.name

    @property
    def sentence(self) -> str:
        """What is alarming, as a sentence."""
        subject = _subject(self.what, self.name)
        return _SENTENCES[self.kind](subject, self.before, self.now)


@dataclass(frozen=True, slots=True)
class Look:
    """What a window that ended shows of a version.

    Attributes:
        digest: of the version, and `version` its name; "" of the whole model.
        tells: what the window can tell of, alarms of a kind or a single one; other alerts stay as
            they are.
        is_gone: whether the version no longer answers, which ends its alerts.
    """

    model: str
    period: Period
    digest: str = ""
    version: str = ""
    alarms: tuple[Alarm, ...] = ()
    tells: frozenset[AlarmKind | AlarmKey] = frozenset()
    is_gone: bool = False


def advance(
    alerts: Sequence[Alert], look: Look, now_us: int
) -> tuple[list[Alert], list[tuple[Happening, Alert]]]:
    """What becomes of the alerts that are open: those that change, and what operators are told.

    A pending alert that the next window doesn't show is returned as resolved without ever having
    fired: nobody was told of it, and it can be forgotten.
    """
    own = {one.key: one for one in alerts if one.digest == look.digest}
    changed: list[Alert] = []
    happened: list[tuple[Happening, Alert]] = []
    for alarm in look.alarms:
        before = own.pop(alarm.key, None)
        after = _seen(before, alarm, look, now_us)
        changed.append(after)
        if after.state == "firing" and (before is None or before.state != "firing"):
            happened.append(("firing", after))
        elif before is not None and before.state == "firing" and before.level != after.level:
            happened.append(("worse", after))
    for before in own.values():
        after = _not_seen(before, look, now_us)
        if after != before:
            changed.append(after)
        if after.state == "resolved" and after.fired_us is not None:
            happened.append(("resolved", after))
    return changed, happened


def _seen(before: Alert | None, alarm: Alarm, look: Look, now_us: int) -> Alert:
    if before is None:
        return Alert(
            model=look.model,
            version=look.version,
            digest=look.digest,
            kind=alarm.kind,
            what=alarm.what,
            name=alarm.name,
            level=alarm.level,
            state="firing" if alarm.is_firing else "pending",
            before=alarm.before,
            now=alarm.now,
            windows={look.period: 0},
            since_us=now_us,
            fired_us=now_us if alarm.is_firing else None,
        )
    is_firing = before.state == "firing" or alarm.is_firing
    return msgspec.structs.replace(
        before,
        level="red" if "red" in (before.level, alarm.level) else "amber",
        state="firing" if is_firing else "pending",
        before=alarm.before,
        now=alarm.now,
        windows=before.windows | {look.period: 0},
        fired_us=now_us if is_firing and before.fired_us is None else before.fired_us,
    )


def _not_seen(before: Alert, look: Look, now_us: int) -> Alert:
    windows = dict(before.windows)
    if look.is_gone:
        windows = {}
    elif look.period in windows and look.tells & {before.kind, before.key}:
        windows[look.period] += 1
        if windows[look.period] >= CLEAR_WINDOWS or before.state == "pending":
            del windows[look.period]
    if windows:
        return msgspec.structs.replace(before, windows=windows)
    return msgspec.structs.replace(before, windows=windows, state="resolved", resolved_us=now_us)


def _subject(what: str, name: str) -> str:
    if what == "prediction":
        return "the prediction" if name == what else f"the prediction of {name}"
    return {"score": "the score", "probability": f"the probability of {name}"}.get(what, name)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _figure(name: str, value: float) -> str:
    return _percent(value) if name.startswith("accuracy") else f"{value:.3g}"


_SENTENCES: Mapping[AlarmKind, Callable[[str, float, float], str]] = {
    "drift": lambda what, before, now: (
        f"{what} drifted: the population stability index is {now:.2g}, with an alarm from {before:.2g}"
    ),
    "missing": lambda what, before, now: (
        f"{what} is missing in {_percent(now)} of the rows, and usually in {_percent(before)}"
    ),
    "unseen": lambda what, _, now: (
        f"{what} has a value that training didn't have in {_percent(now)} of the rows"
    ),
    "outside": lambda what, _, now: (
        f"{what} is beyond all of the training data in {_percent(now)} of the rows"
    ),
    "constant": lambda what, before, now: (
        f"{what} no longer varies: {_percent(now)} of the rows are alike, {_percent(before)} in training"
    ),
    "refused": lambda _what, _before, now: f"{_percent(now)} of the rows are refused",
    "silence": lambda _what, before, _now: (
        f"there are no rows, where there usually are {before:,.0f} in two hours"
    ),
    "quality": lambda metric, before, now: (
        f"predictions got worse: the {metric} is {_figure(metric, now)} where the truth is known,"
        f" and {_figure(metric, before)} on the card"
    ),
}
