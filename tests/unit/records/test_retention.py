"""Records are deleted when they are old, and not because a clock jumps."""

from __future__ import annotations

from podium.records.retention import BELIEVED_AFTER_S, DAY_US, EVERY_S, Retention


class Clock:
    """A clock on the wall that can be set, and one that can't."""

    def __init__(self) -> None:
        self.wall_s = 1_000_000_000.0
        self.steady_s = 0.0

    def pass_by(self, seconds: float) -> None:
        self.wall_s += seconds
        self.steady_s += seconds

    def retention(self, keep_days: int) -> Retention:
        return Retention(keep_days, wall_s=lambda: self.wall_s, steady_s=lambda: self.steady_s)


def test_records_kept_for_ever_are_never_due():
    assert Clock().retention(0).due_us() is None


def test_it_is_due_at_once_and_then_every_hour():
    clock = Clock()
    retention = clock.retention(3)

    assert retention.due_us() == int(clock.wall_s * 1e6) - 3 * DAY_US
    retention.done()
    clock.pass_by(EVERY_S - 1)
    assert retention.due_us() is None
    clock.pass_by(1)
    assert retention.due_us() == int(clock.wall_s * 1e6) - 3 * DAY_US


def test_a_clock_that_jumps_ahead_is_not_believed_for_a_day():
    clock = Clock()
    retention = clock.retention(3)

    clock.wall_s += 10 * 365 * 86_400
    assert retention.due_us() is None
    clock.pass_by(BELIEVED_AFTER_S - 1)
    assert retention.due_us() is None
    clock.pass_by(1)
    assert retention.due_us() == int(clock.wall_s * 1e6) - 3 * DAY_US


def test_a_clock_that_was_set_back_again_is_believed_at_once():
    clock = Clock()
    retention = clock.retention(1)

    clock.wall_s += 86_400
    assert retention.due_us() is None
    clock.wall_s -= 86_400
    assert retention.due_us() is not None
    clock.wall_s -= 600  # set right by some minutes
    assert retention.due_us() is not None
