"""Pages that score a file: it is sent, its first rows are looked at, it is started, and downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podium.access import Action
from podium.errors import MalformedBody, UnsupportedMedia
from podium.flow.formats.multipart import MULTIPART
from podium.http import Request, Response
from podium.jobs.job import Job, Preview, preview_of
from podium.web import incoming, render, scored_files
from podium.web.numbers import number_text
from podium.web.pages import read_form
from podium.web.router import Route
from podium.web.scored_files import changeable_job, jobs_of, visible_job
from podium.web.site import Site

# So many columns of the first rows are shown, and so many fields offered other columns.
COLUMNS_SHOWN, LACKING_SHOWN = 40, 60
STATES = {
    "new": "Looking at the first rows",
    "ready": "Ready to start",
    "waiting": "Waiting for its turn",
    "running": "Running",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
# What the names of the inputs for columns begin with, before the number of the field.
_FIELD = "field-"


@dataclass(frozen=True, slots=True)
class Line:
    """A job in the list."""

    job: Job
    title: str
    state: str


@dataclass(frozen=True, slots=True)
class Shown:
    """The first rows of a file as a page shows them.

    Attributes:
        kept: columns that are no field.
        choices: lacking fields, each with the columns that it may be, the likeliest first.
        head: the names of the columns that are shown; the first `n_predicted` are predictions.
        n_hidden: how many columns aren't.
    """

    preview: Preview
    kept: Sequence[str]
    choices: Sequence[tuple[str, Sequence[str], bool]]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_predicted: int
    n_hidden: int


def index(site: Site, request: Request, name: str) -> Response:
    """The form for a file, and the jobs so far: `GET /models/{name}/jobs`."""
    version = site.champion(name, request.actor)
    lines = [
        Line(one, title_of(one), STATES[one.state])
        for one in scored_files.visible_jobs(site, request, name)
    ]
    return render.page(
        site,
        request,
        "jobs.html",
        model=version,
        lines=lines,
        sees_all=scored_files.sees_all(request.actor, name),
        may_send=site.may_score_files(request.actor),
        bytes_max=size_text(jobs_of(site).bytes_max),
        keep_days=site.settings.jobs_keep_days,
    )


def upload(site: Site, request: Request, name: str) -> Response:
    """The file that was sent with the form: `POST /models/{name}/jobs/upload`.

    Raises:
        UnsupportedMedia: the body isn't that form.
        PodiumError: the file can't be taken.
    """
    site.require_model(name, request.actor)
    programs = f"/api/models/{name}/jobs"
    if request.upload is None and request.media != MULTIPART:
        raise UnsupportedMedia(
            "this URL accepts only the form of its page, with a file",
            hint=f"send files from programs to {request.url(programs)}",
        )
    with incoming.in_file(site, request) as whole:
        read_form(whole, programs=programs)
        job = scored_files.receive(site, whole, name, state="new")
    return Response.redirect(request.url(f"/models/{name}/jobs/{job.id}"))


def detail(site: Site, request: Request, name: str, job: str) -> Response:
    """One job: `GET /models/{name}/jobs/{job}`."""
    return _page(site, request, visible_job(site, request, name, job))


def change(site: Site, request: Request, name: str, job: str) -> Response:
    """What a button of its page does: `POST /models/{name}/jobs/{job}`.

    Raises:
        MalformedBody: there is no such button.
        PodiumError: the actor may not do it, or it can't be done.
    """
    found, jobs = changeable_job(site, request, name, job), jobs_of(site)
    _, sent = read_form(request, programs=f"/api/models/{name}/jobs")
    here, act = request.url(f"/models/{name}/jobs"), sent.get("act", "")
    if act == "delete":
        jobs.delete(found)
        return Response.redirect(here)
    if act == "start":
        is_recorded = scored_files.is_to_be_recorded(site, sent.get("record", "false"))
        name_ = scored_files.job_name(sent.get("name", ""))
        jobs.start(found, name=name_, is_recorded=is_recorded)
    elif act == "columns":
        jobs.look_again(found, {**found.fields, **_chosen(site, request, found, sent)})
    elif act == "forget":
        jobs.look_again(found, {})
    elif act == "cancel":
        jobs.cancel(found)
    else:
        raise MalformedBody(
            f"the form does {act[:40]!r}, which isn't known", hint="load the page again"
        )
    return Response.redirect(f"{here}/{job}")


def title_of(job: Job) -> str:
    """What a job is called on pages."""
    return job.name or job.file or "Rows"


def size_text(n_bytes: float) -> str:
    """A size for people."""
    for unit in ("bytes", "KB", "MB"):
        if n_bytes < 1_000:
            return f"{number_text(round(n_bytes, 1))} {unit}"
        n_bytes /= 1_000
    return f"{number_text(round(n_bytes, 1))} GB"


def time_text(seconds: float) -> str:
    """A duration for people."""
    if seconds < 90:
        n, unit = max(round(seconds), 1), "second"
    elif seconds < 5_400:
        n, unit = round(seconds / 60), "minute"
    else:
        n, unit = round(seconds / 3_600), "hour"
    return f"{n} {unit}" if n == 1 else f"{n} {unit}s"


def _page(site: Site, request: Request, job: Job) -> Response:
    jobs, preview = jobs_of(site), preview_of(job)
    is_moving = job.state in ("new", "waiting", "running")
    return render.page(
        site,
        request,
        "job.html",
        model=site.champion(job.model, request.actor),
        job=job,
        title=title_of(job),
        state=STATES[job.state] if preview is None or preview.can_start else "It can't start yet",
        is_moving=is_moving,
        shown=None if preview is None else shown(preview),
        may_change=scored_files.may_change(request, job),
        can_be_recorded=scored_files.can_be_recorded(site),
        n_before=jobs.file.n_before(job) if job.state == "waiting" else 0,
        left=None if job.left_s is None else time_text(job.left_s),
        took=time_text(job.seconds),
        size=size_text(job.n_bytes),
        out_size=size_text(job.out_bytes),
        is_stalled=_is_stalled(job),
        keep_days=site.settings.jobs_keep_days,
    )


def shown(preview: Preview) -> Shown:
    """The first rows for a page."""
    names = [name for name, _ in preview.columns]
    kept = [name for name, field in preview.columns if not field]
    n_columns = len(names)
    is_answered = any(len(row) > n_columns for row in preview.rows)
    n_predicted = len(preview.predicted) if is_answered else 0
    some = slice(0, COLUMNS_SHOWN)
    ordered = sorted(preview.lacking, key=lambda field: field not in preview.needed)
    return Shown(
        preview=preview,
        kept=kept,
        choices=[
            (field, _choices(preview.suggested.get(field, ""), kept), field in preview.needed)
            for field in ordered[:LACKING_SHOWN]
        ]
        if kept
        else [],
        head=[*preview.predicted[:n_predicted], *names[some]],
        rows=[[*row[n_columns:], *row[:n_columns][some]] for row in preview.rows],
        n_predicted=n_predicted,
        n_hidden=max(n_columns - COLUMNS_SHOWN, 0),
    )


def _choices(suggested: str, kept: Sequence[str]) -> list[str]:
    return [suggested, *(name for name in kept if name != suggested)] if suggested else ["", *kept]


def _chosen(site: Site, request: Request, job: Job, sent: dict[str, str]) -> dict[str, str]:
    """The fields that somebody said columns hold, by the names of these columns.

    Raises:
        MalformedBody: a column or a field isn't known.
    """
    preview = preview_of(job)
    names = () if preview is None else [name for name, _ in preview.columns]
    fields = site.champion(job.model, request.actor).signature.names
    chosen: dict[str, str] = {}
    for key, column in sent.items():
        field = key.removeprefix(_FIELD)
        if not key.startswith(_FIELD) or not column:
            continue
        if column not in names or field not in fields:
            raise MalformedBody(
                f"{column[:40]!r} can't be {field[:40]!r}", hint="load the page again"
            )
        if column in chosen:
            raise MalformedBody(
                f"{column[:40]!r} can't be two fields", hint="go back, and choose another column"
            )
        chosen[column] = field
    return chosen


def _is_stalled(job: Job) -> bool:
    """Whether no process has taken a job up for long, although it is its turn."""
    import time

    waits_s = time.time() - job.changed_us / 1e6
    return job.state == "new" and not job.slot and waits_s > 30


_JOBS, _JOB = "/models/{name}/jobs", "/models/{name}/jobs/{job}"
ROUTES = (
    Route("jobs", ("GET",), _JOBS, index, Action.PREDICT, is_page=True),
    Route(
        "upload_file",
        ("POST",),
        f"{_JOBS}/upload",
        upload,
        Action.PREDICT,
        is_page=True,
        upload="file",
    ),
    Route("job", ("GET",), _JOB, detail, Action.PREDICT, is_page=True),
    Route("change_job", ("POST",), _JOB, change, Action.PREDICT, is_page=True, is_prediction=True),
    Route(
        "job_results",
        ("GET",),
        f"{_JOB}/results",
        scored_files.results,
        Action.PREDICT,
        is_page=True,
        reads=True,
    ),
    Route(
        "job_refused",
        ("GET",),
        f"{_JOB}/refused",
        scored_files.refused,
        Action.PREDICT,
        is_page=True,
        reads=True,
    ),
)
