"""`podium score` of several files, and `--engine`: parts, scored here or in the processes of an engine.

Each part is scored as a file is, and written to a file of its own. With an engine the driver reads no
rows: it divides the files, and gathers counts and reports.
"""

from __future__ import annotations

import csv
import io
import pickle
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from glob import glob
from importlib import import_module
from pathlib import Path, PurePath
from typing import TextIO

from podium.cli.progress import bar
from podium.cli.score import Plan, check_file, score_source
from podium.cli.totals import Totals
from podium.engines.batch_scorer import opened
from podium.errors import InputError, PodiumError, SetupError
from podium.scoring.draft import Draft
from podium.scoring.folder import FolderDraft
from podium.scoring.folder_upload import FolderUpload
from podium.scoring.formats import FORMATS, Source, format_of, open_source
from podium.scoring.parquet import ParquetReader
from podium.scoring.remote import Upload, Url, files_of, open_url, url_of
from podium.scoring.scorer import Scorer

# A second or more of work, beside which what an engine takes for a task doesn't matter, and little
# enough that a file of a million rows keeps several cores busy.
PART_ROWS = 250_000


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows that are scored together.

    Attributes:
        file: that they are in.
        place: what a position in it is called.
        groups: their row groups; None is the whole file.
        n_rows: None is unknown.
    """

    file: Path | Url
    place: str
    groups: range | None = None
    n_rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """A part, and what a process needs to score it.

    Attributes:
        number: of the part, from 0.
        bundle: pickled.
        output: the part's file, on a disk that all machines share, or in an object store.
        errors: the part's report.
        n_threads: at most; None is one for each processor.
    """

    number: int
    part: Part
    bundle: bytes
    prefix: str
    output: Path | Url
    errors: Path | Url
    n_threads: int | None


def score_part(task: Task) -> tuple[Task, Totals | PodiumError]:
    """The totals of a part, or why there are none.

    The error is returned, because an engine tries again what raises one.
    """
    try:
        scorer = Scorer(opened(task.bundle), task.prefix)
        format_, is_gzip = format_of(_path_of(task.output))
        with _reported(task.errors) as errors, open_source(_name_of(task.part.file)) as source:
            if task.part.groups is not None and isinstance(source.reader, ParquetReader):
                source.reader.limit(task.part.groups)
            plan = Plan(
                output=task.output,
                errors=errors,
                format=format_,
                is_gzip=is_gzip,
                limit=None,
                n_threads=task.n_threads,
            )
            return task, score_source(scorer, source, plan, lambda _: None)
    except PodiumError as error:
        return task, error


@contextmanager
def _reported(place: Path | Url) -> Iterator[Path]:
    """Where a report is written; in an object store afterwards, if there is one.

    Raises:
        SetupError: it isn't taken there.
    """
    if isinstance(place, Path):
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="podium-") as folder:
        path = Path(folder, "errors.csv")
        yield path
        if path.exists():
            with Upload(place) as upload:
                upload.send(path)


def _path_of(place: Path | Url) -> PurePath:
    return place.path if isinstance(place, Url) else place


def _name_of(file: Path | Url) -> str:
    """What opens a file, also in another process."""
    return file.text if isinstance(file, Url) else str(file.absolute())


def score_parts(
    engine: str | None, scorer: Scorer, rows: str, plan: Plan, *, is_forced: bool
) -> Totals:
    """Score files, and write them to a folder.

    Args:
        engine: the name of its module in `podium.engines`; None scores one after the other here.
        rows: a file, a folder of files, or a pattern such as `rows/*.parquet`.
        plan: its output is the folder.

    Raises:
        PodiumError: the files or the model can't be used, or the output can't be written.
    """
    output = plan.output
    assert output is not None
    scorer.bundle.check_trust()
    files = _files(rows)
    if any(_holds(output, file) for file in files):
        raise SetupError(f"{output} holds the input", hint="write to another folder")
    parts = _parts(files, scorer, is_divided=engine is not None)
    totals = Totals(place=parts[0].place)
    with _folder(output, is_forced=is_forced) as folder:
        n_threads = None if engine is None else 1  # it runs as many tasks as there are cores
        tasks = _tasks(parts, scorer, output, folder, n_threads)
        done = _done(engine, tasks, plan.limit)
        for task, counted in done:
            totals.merge(counted, str(task.part.file) if len(files) > 1 else "")
        _report(plan.errors, [task for task, _ in done], has_files=len(files) > 1)
        if plan.limit is not None and totals.n_refused >= plan.limit:
            raise InputError(
                f"stopped after {totals.n_refused:,} refused rows",
                hint=f"{output} wasn't written; details: {plan.errors}",
            )
        folder.publish()
    return totals


def _folder(output: Path | Url, *, is_forced: bool) -> FolderDraft | FolderUpload:
    if isinstance(output, Url):
        return FolderUpload(output, is_forced=is_forced)
    return FolderDraft(output, is_forced=is_forced)


def _holds(folder: Path | Url, file: Path | Url) -> bool:
    if isinstance(folder, Path) and isinstance(file, Path):
        return file.parent.resolve() == folder.resolve()
    return isinstance(folder, Url) and isinstance(file, Url) and folder.path == file.path.parent


def _files(rows: str) -> list[Path] | list[Url]:
    """The files of rows, which have one format.

    Raises:
        SetupError: there is none, they have several formats, or can't be listed.
    """
    url = url_of(rows)
    found = _local_files(rows) if url is None else _remote_files(url)
    if not found:
        name = rows if url is None else url
        raise SetupError(f"{name} names no file", hint="give a file, a folder or a pattern")
    by_format = {format_of(_path_of(one))[0]: one for one in found}
    if len(by_format) > 1:
        one, other, *_ = sorted(by_format.values(), key=str)
        raise SetupError(
            f"{one} and {other} have different formats", hint="score them one after the other"
        )
    return found


def _local_files(rows: str) -> list[Path]:
    path = Path(rows)
    files = [path]
    if path.is_dir():
        files = [one for one in path.iterdir() if not one.name.startswith((".", "_"))]
    elif not path.exists() and any(letter in rows for letter in "*?["):
        files = [Path(name) for name in glob(rows, recursive=True)]  # noqa: PTH207  # also absolute
    return sorted(one for one in files if not one.is_dir())


def _remote_files(url: Url) -> list[Url]:
    if not url.is_several:
        return [url]
    try:
        return files_of(url)
    except OSError as error:
        raise SetupError(
            f"{url} can't be read: {error.strerror or error}",
            hint="are its name and your rights to it right?",
        ) from error


def _parts(files: Sequence[Path | Url], scorer: Scorer, *, is_divided: bool) -> list[Part]:
    """Files as parts, or divided into parts, and their columns compared with the fields.

    Raises:
        PodiumError: a file can't be read, or has the wrong columns.
    """
    parts: list[Part] = []
    checked: set[tuple[str, ...]] = set()
    for file in files:
        with open_source(file.text if isinstance(file, Url) else str(file)) as source:
            names = source.reader.names
            if names is not None and names not in checked:
                check_file(scorer, source)
                scorer.check_names(names)
                checked.add(names)
            parts += _parts_of(file, source, is_divided=is_divided)
    return parts


def _parts_of(file: Path | Url, source: Source, *, is_divided: bool) -> Iterator[Part]:
    reader = source.reader
    if not (is_divided and isinstance(reader, ParquetReader)):
        yield Part(file=file, place=reader.place, n_rows=reader.n_rows)
        return
    groups, begin, n_rows = reader.group_rows, 0, 0
    for at, n in enumerate(groups, 1):
        n_rows += n
        if n_rows >= PART_ROWS or at == len(groups):
            yield Part(file=file, place=reader.place, groups=range(begin, at), n_rows=n_rows)
            begin, n_rows = at, 0
    if not groups:
        yield Part(file=file, place=reader.place, n_rows=0)


def _tasks(
    parts: Sequence[Part],
    scorer: Scorer,
    output: Path | Url,
    folder: FolderDraft | FolderUpload,
    n_threads: int | None,
) -> list[Task]:
    sent = pickle.dumps(scorer.bundle)
    own, given = _suffix(output), _suffix(parts[0].file)
    suffix = own if own.removesuffix(".gz") in FORMATS else given
    format_of(_path_of(folder.part(0, suffix)))
    return [
        Task(
            number=number,
            part=part,
            bundle=sent,
            prefix=scorer.prefix,
            output=folder.part(number, suffix),
            errors=folder.report(number),
            n_threads=n_threads,
        )
        for number, part in enumerate(parts)
    ]


def _suffix(place: Path | Url) -> str:
    name = _path_of(place).name.lower()
    return "".join(Path(name).suffixes[-2:]) if name.endswith(".gz") else Path(name).suffix


def _done(
    engine: str | None, tasks: Sequence[Task], limit: int | None
) -> list[tuple[Task, Totals]]:
    """The tasks with their totals, in order; those that are done when the limit is reached.

    Raises:
        PodiumError: one failed.
    """
    done: list[tuple[Task, Totals]] = []
    rows = [task.part.n_rows for task in tasks]
    known = [n for n in rows if n is not None]
    n_all = sum(known) if len(known) == len(rows) else None
    n_rows = n_refused = 0
    distribute: Callable[..., Generator[tuple[Task, Totals | PodiumError], None, None]] = _here
    if engine is not None:
        distribute = import_module(f"podium.engines.{engine}").distribute
    with closing(distribute(score_part, tasks)) as results, bar(n_all or len(tasks)) as advance:
        for task, found in results:
            if isinstance(found, PodiumError):
                raise found
            if isinstance(task.output, Path) and not task.output.exists():
                raise SetupError(
                    f"{task.output.name} isn't here, though a process of {engine} wrote it",
                    hint=f"all machines need the folder {task.output.parents[1]}",
                )
            done.append((task, found))
            n_rows += found.n_rows
            n_refused += found.n_refused
            advance(n_rows if n_all else len(done), n_rows)
            if limit is not None and n_refused >= limit:
                break
    return sorted(done, key=lambda one: one[0].number)


def _here(
    function: Callable[[Task], tuple[Task, Totals | PodiumError]], tasks: Sequence[Task]
) -> Generator[tuple[Task, Totals | PodiumError], None, None]:
    """In this process, one after the other."""
    for task in tasks:
        yield function(task)


def _report(path: Path | None, tasks: Sequence[Task], *, has_files: bool) -> None:
    """One report of the reports of parts, with a column for the file if there are several."""
    reports = [task for task in tasks if _exists(task.errors)]
    if not reports and path is not None:
        path.unlink(missing_ok=True)
    if reports and path is not None:
        with Draft(path) as draft:
            draft.open()
            with draft.writing():
                lines = io.TextIOWrapper(draft.file, "utf-8", newline="")
                csv.writer(lines, lineterminator="\n").writerows(_cells(reports, has_files))
                lines.flush()
                lines.detach()
            draft.seal()
            draft.publish()
    for task in reports:
        if isinstance(task.errors, Path):  # elsewhere it isn't published
            task.errors.unlink()


def _exists(place: Path | Url) -> bool:
    return Upload(place).exists() if isinstance(place, Url) else place.exists()


@contextmanager
def _lines(place: Path | Url) -> Iterator[TextIO]:
    """The lines of a report.

    Raises:
        SetupError: it can't be read.
    """
    if isinstance(place, Path):
        with place.open(encoding="utf-8", newline="") as file:
            yield file
        return
    try:
        with (
            io.BufferedReader(open_url(place)) as raw,
            io.TextIOWrapper(raw, "utf-8", newline="") as file,
        ):
            yield file
    except OSError as error:
        raise SetupError(f"{place} can't be read: {error.strerror or error}") from error


def _cells(reports: Sequence[Task], has_files: bool) -> Iterator[list[str]]:
    for number, task in enumerate(reports):
        with _lines(task.errors) as part:
            rows = csv.reader(part)
            header = next(rows)
            if not number:
                yield ["file", *header] if has_files else header
            for row in rows:
                yield [str(task.part.file), *row] if has_files else row
