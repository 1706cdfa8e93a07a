"""Bodies of truths: read, and each cell checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import numpy as np

from podium.errors import BadCell, TooLarge
from podium.flow import formats
from podium.flow.formats.csv_rows import CSV
from podium.flow.formats.json_rows import JSON, LINES
from podium.records.business_key import business_key_of
from podium.signature import Signature
from podium.signature.cells import ABSENT, Findings, check_columns, refuse_unknown
from podium.signature.reading import Written
from podium.signature.truth import (
    KEY,
    NOTE,
    TRUTH,
    feedback_signature,
    feedback_truth,
    truth_signature,
)
from podium.table import Array, plain_values

Cells: TypeAlias = Sequence[object] | Array
# Content types of files, by the end of their name.
MEDIA = {".csv": CSV, ".tsv": CSV, ".json": JSON, ".ndjson": LINES, ".jsonl": LINES}
MEDIA_NAMES = ", ".join(MEDIA)


@dataclass(frozen=True, slots=True)
class TruthBody:
    """A body that was decoded, and its rows as one version takes them.

    Attributes:
        columns: the cells as they were sent.
        rows: with the cells that were accepted.
    """

    columns: Mapping[str, Cells]
    written: Written
    rows: list[dict[str, Any]]
    findings: Findings


def read_body(
    signature: Signature, own: Signature, body: bytes, media: str, *, rows_max: int
) -> TruthBody:
    """The rows of a body, and what is wrong with them.

    Args:
        signature: of the model.
        own: what a row is made of, the fields of `feedback_signature` among them.

    Raises:
        InputError: it can't be read.
    """
    names = (*own.names, TRUTH)
    try:
        decoded = formats.decode(body, media, names, rows_max=rows_max)
    except TooLarge as error:
        hint = "send them in several requests, or use `podium feedback` for files"
        raise TooLarge(error.message, hint=hint) from error
    findings = Findings(recorded_max=decoded.n_rows * len(names))
    refuse_unknown(own, list(decoded.others), findings)
    columns = dict(decoded.columns)
    if KEY in columns:
        columns[KEY] = [business_key_of(cell) for cell in plain(columns[KEY])]
    rows = _checked(signature, own, columns, decoded.n_rows, decoded.written, findings)
    return TruthBody(columns, decoded.written, rows, findings)


def truths_by(
    signature: Signature, body: TruthBody, places: Sequence[int]
) -> tuple[dict[int, Any], dict[int, str]]:
    """The truths in some rows as another version takes them, and why it refuses those it does.

    Args:
        signature: of that version.
        places: of the rows.
    """
    own = feedback_signature(signature)
    names = [name for name in own.names if name != NOTE]
    columns: dict[str, Cells] = {
        name: cells[list(places)] if isinstance(cells, np.ndarray) else [cells[at] for at in places]
        for name, cells in body.columns.items()
        if name in (*names, TRUTH)
    }
    findings = Findings(recorded_max=len(places) * (len(names) + 1))
    rows = _checked(signature, own, columns, len(places), body.written, findings)
    general = [cell for cell in findings.bad if cell.row is None]
    by_row = cells_by_row(findings)
    found, refused = {}, {}
    for at, place in enumerate(places):
        if general or at in by_row:
            refused[place] = "; ".join(map(str, [*general, *by_row.get(at, ())]))
        else:
            found[place] = feedback_truth(signature, rows[at])
    return found, refused


def cells_by_row(findings: Findings) -> dict[int, list[BadCell]]:
    """The cells of single rows that are refused, by the rows' numbers."""
    cells: dict[int, list[BadCell]] = {}
    for cell in findings.bad:
        if cell.row is not None:
            cells.setdefault(cell.row, []).append(msgspec.structs.replace(cell, row=None))
    return cells


def _checked(
    signature: Signature,
    own: Signature,
    columns: dict[str, Cells],
    n_rows: int,
    written: Written,
    findings: Findings,
) -> list[dict[str, Any]]:
    if len(truth_signature(signature).fields) > 1 and TRUTH in columns:
        others = {name: cells for name, cells in columns.items() if name != TRUTH}
        columns = others | _by_output(signature, plain(columns[TRUTH]), findings)
    odd = {cell.row for cell in findings.bad if cell.field == TRUTH}
    table = check_columns(own, columns, n_rows, written, findings)
    # What isn't an object has no values for the outputs; to say so is enough.
    bad = [one for one in findings.bad if not (one.row in odd and one.code == "missing")]
    findings.n_bad -= len(findings.bad) - len(bad)
    findings.bad = bad
    return list(table.rows())


def _by_output(
    signature: Signature, cells: Iterable[object], findings: Findings
) -> dict[str, Cells]:
    """The columns of truths that are written as one object a row."""
    names = truth_signature(signature).names
    columns: dict[str, list[object]] = {f"{TRUTH}.{name}": [] for name in names}
    accepted = f"an object of {', '.join(names)}"
    for row, cell in enumerate(cells):
        if isinstance(cell, dict) and cell.keys() <= set(names):
            truth = cell
        else:
            truth = {}
            findings.n_bad += 1
            findings.bad_rows.add(row)
            problem = "isn't an object with a value for each output"
            findings.bad.append(BadCell(row=row, field=TRUTH, problem=problem, accepted=accepted))
        for name in names:
            columns[f"{TRUTH}.{name}"].append(truth.get(name, ABSENT))
    return dict(columns)


def plain(cells: Cells) -> Sequence[object]:
    """Cells as plain Python values."""
    return plain_values(cells) if isinstance(cells, np.ndarray) else cells
