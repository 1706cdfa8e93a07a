"""What the clock shows in a column of times, and parts of the calendar, as numbers."""

from __future__ import annotations

from podium.compile.builder import Builder
from podium.compile.features import Column, Computed, Input, NotCompiled
from podium.program.operations import Calendar, Clock, ReadTimes
from podium.program.operations.reading.times import CalendarPart


def read_times(build: Builder, column: Column, form: str, *, is_strict: bool) -> Computed:
    """A column of texts as times, as `Clocks` takes them.

    Args:
        form: the format of the texts.
        is_strict: whether a text in another format is refused; by default it is missing.

    Raises:
        NotCompiled: the times have offsets from UTC.
    """
    if "%z" in form:
        raise NotCompiled("it reads times with offsets from texts; convert the column before")
    return Computed(build.add(ReadTimes(build.texts(column), form, is_strict)), 0)


class Clocks:
    """A column of times.

    Attributes:
        moments: the register that holds them in microseconds since 1970, in UTC if there is a zone.
        shown: the same as the clock showed them in the column's zone.
    """

    def __init__(self, build: Builder, column: Column, *, is_utc: bool = False) -> None:
        self._build = build
        if isinstance(column, Computed):
            if not isinstance(build.operations[column.register], ReadTimes):
                raise NotCompiled("it takes as a time what an earlier step made")
            self.moments = self.shown = column.register
        else:
            self.moments = self.shown = build.times(column)
            zone = build.field(column).zone if isinstance(column, Input) else ""
            if zone and not is_utc:
                self.shown = build.add(Clock(self.moments, zone))
        self._parts: dict[CalendarPart, int] = {}

    def part(self, name: CalendarPart) -> int:
        """The register that holds a part of each time; NaN where it is missing."""
        if name not in self._parts:
            self._parts[name] = self._build.add(Calendar(self.shown, name))
        return self._parts[name]
