"""A look at the first rows of a file: its columns, and what the model answers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from podium.bundle import Bundle
from podium.errors import BadCell
from podium.jobs.job import Job, Preview
from podium.jobs.jobs import Jobs
from podium.scoring.columns import lacking_fields, suggestions
from podium.scoring.formats import Source, open_source
from podium.scoring.rows import Chunk
from podium.scoring.scorer import Scorer
from podium.scoring.values import texts
from podium.signature.cells import printable
from podium.signature.names import renamed

# So many rows are answered, so many of them shown, and so many problems told.
ANSWERED_MAX, SHOWN_MAX, PROBLEMS_MAX = 100, 8, 10


def preview(job: Job, jobs: Jobs, bundle: Bundle) -> Preview:
    """What the first rows of a job's file give.

    Raises:
        PodiumError: the file or the model can't be used.
    """
    with open_source(str(jobs.input_of(job)), called=job.file) as source:
        chunks = source.chunks()
        chunk = next(chunks)
        is_whole = chunk.n_rows <= ANSWERED_MAX and next(chunks, None) is None
        return _preview(job, bundle, source, chunk.rows(slice(ANSWERED_MAX)), is_whole=is_whole)


def _preview(job: Job, bundle: Bundle, source: Source, chunk: Chunk, *, is_whole: bool) -> Preview:
    signature, scorer = bundle.signature, Scorer(bundle, fields=job.fields)
    names = [job.fields.get(name, name) for name in chunk.names]
    lacking = lacking_fields(signature, names)
    needed = [one.name for one in signature.fields if one.name in lacking and one.is_required]
    twice = [name for name in signature.names if names.count(name) > 1]
    taken = [name for name in scorer.names if name in chunk.names]
    free = [name for name in chunk.names if name not in signature.names and name not in job.fields]
    shown = slice(0, SHOWN_MAX)
    rows = list(zip(*(_shown(cells[shown]) for cells in chunk.cells), strict=True))
    found = Preview(
        columns=_columns(chunk.names, job.fields, signature.names),
        lacking=tuple(lacking),
        needed=(*needed, *twice),
        suggested=suggestions(lacking, free),
        predicted=tuple(scorer.names),
        taken=tuple(taken),
        rows=tuple(rows),
        n_rows=chunk.n_rows,
        is_whole=is_whole,
    )
    return _answered(found, scorer, source, chunk) if found.can_start else found


def _answered(found: Preview, scorer: Scorer, source: Source, chunk: Chunk) -> Preview:
    """The preview with what the model answers."""
    scored = scorer.score(chunk)
    predicted = zip(*(_rounded(one.cells[:SHOWN_MAX]) for one in scored.predicted), strict=True)
    return msgspec.structs.replace(
        found,
        rows=tuple((*row, *more) for row, more in zip(found.rows, predicted, strict=True)),
        refused=tuple(sorted(row for row in scored.refused if row < SHOWN_MAX)),
        n_refused=len(scored.refused),
        n_warnings=len(scored.warnings),
        problems=tuple(_problem(chunk, source, cell) for cell in scored.bad[:PROBLEMS_MAX]),
    )


def _problem(chunk: Chunk, source: Source, cell: BadCell) -> tuple[str, str]:
    place = f"{source.reader.place} {chunk.places[cell.row or 0]}"
    name = f"{cell.field} " if cell.field else ""
    value = f"{cell.value!r} " if cell.value else ""
    accepted = f" (accepted: {cell.accepted})" if cell.accepted else ""
    return place, f"{name}{value}{cell.problem}{accepted}"


def _columns(
    names: Sequence[str], fields: dict[str, str], known: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Each column with the field that it holds."""
    like = renamed([fields.get(name, name) for name in names], known)
    meant = ((name, fields.get(name, name)) for name in names)
    return tuple((name, to if to in known else like.get(to, "")) for name, to in meant)


def _rounded(cells: Sequence[object]) -> list[str]:
    """The same of predictions, with fewer digits than the results have."""
    return _shown([f"{cell:.4g}" if isinstance(cell, float) else cell for cell in cells])


def _shown(cells: Sequence[object]) -> list[str]:
    """Cells as short texts."""
    return [printable(str(text)) for text in texts(cells)]
