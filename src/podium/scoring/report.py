"""The report of refused rows beside the scored file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from podium.errors import BadCell
from podium.records.export import neutral
from podium.scoring.draft import Draft
from podium.scoring.rows import Chunk

EXAMPLES_MAX = 5


class Report(AbstractContextManager["Report"]):
    """Invalid cells, written at once: there may be more than fit into memory.

    The file is created with the first of them. A report without a path only counts.

    Attributes:
        n_rows: how many rows were refused.
        first: the first few invalid cells, with the position of their row.
    """

    def __init__(self, path: Path | None, place: str) -> None:
        self.path = path
        self.place = place
        self.n_rows = 0
        self.first: list[tuple[int, BadCell]] = []
        self.draft: Draft | None = None
        self._lines: io.TextIOWrapper | None = None

    def add(self, chunk: Chunk, bad: Sequence[BadCell], rows_max: int | None = None) -> None:
        """Write the invalid cells of a chunk, row by row.

        Args:
            rows_max: how many rows to report in total; None is no limit.

        Raises:
            SetupError: the report can't be written.
        """
        last: int | None = None
        for cell in bad:
            row = cell.row or 0
            if row != last:
                if self.n_rows == rows_max:
                    return
                self.n_rows += 1
                last = row
            place = chunk.places[row]
            if len(self.first) < EXAMPLES_MAX:
                self.first.append((place, cell))
            if self.path is not None:
                value = neutral(cell.value)
                self._write(self.path, [place, cell.field, value, cell.problem, cell.accepted])

    def seal(self) -> None:
        """Flush the report to the disk, if there is one."""
        if self.draft is not None and self._lines is not None:
            self._lines.detach()
            self._lines = None
            self.draft.seal()

    def publish(self) -> None:
        """Move the report to its destination; if nothing was refused, an older one is removed."""
        if self.draft is not None:
            self.draft.publish()
        elif self.path is not None and self.path.is_file():
            self.path.unlink()

    def __exit__(self, *_: object) -> None:
        if self.draft is not None:
            self.draft.discard()

    def _write(self, path: Path, cells: list[object]) -> None:
        rows = [cells]
        if self.draft is None or self._lines is None:
            self.draft = Draft(path)
            self.draft.open()
            self._lines = io.TextIOWrapper(self.draft.file, "utf-8", newline="", write_through=True)
            rows.insert(0, [self.place, "field", "value", "problem", "accepted"])
        with self.draft.writing():
            csv.writer(self._lines, lineterminator="\n").writerows(rows)
