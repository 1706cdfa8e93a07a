"""What pages and the API share about jobs: who may see which, files that come, and files that go."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from podium.access import Action, Actor, allowed
from podium.errors import InputError, NotAllowed, NotFound, PodiumError, UnsupportedMedia
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.jobs.job import FILE_NAME_MAX, NAME_MAX, Job, State
from podium.jobs.jobs import Jobs
from podium.policy.addresses import network_of
from podium.records.storable import text_problem
from podium.scoring.formats import FORMATS, UPLOADED, format_of
from podium.web.site import Site

PIECE_BYTES = 2**18
# The endings of files by their content types, where no name says it.
ENDINGS = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/x-ndjson": ".ndjson",
    "application/ndjson": ".ndjson",
    "application/jsonl": ".ndjson",
    "application/vnd.apache.parquet": ".parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
_MEDIA = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
_ODD = re.compile(r"[^\w .()+-]", re.ASCII)


def jobs_of(site: Site) -> Jobs:
    """The jobs of a site.

    Raises:
        NotFound: they are turned off.
    """
    if site.jobs is None:
        raise NotFound(
            "no files are scored here", hint="the operator can turn it on: job_bytes_max"
        )
    return site.jobs


def owner_of(request: Request) -> str:
    """Whose the jobs of a request are."""
    return request.actor.owner or f"address:{network_of(request.address)}"


def sees_all(actor: Actor, model: str) -> bool:
    """Whether an actor sees the jobs of everybody, as they see everybody's records."""
    return allowed(actor, Action.SEE, model)


def visible_jobs(site: Site, request: Request, name: str) -> list[Job]:
    """The jobs of a model that the actor may see, the newest first.

    Raises:
        PodiumError: there is no such model, or the jobs can't be read.
    """
    site.require_model(name, request.actor)
    owner = None if sees_all(request.actor, name) else owner_of(request)
    return jobs_of(site).file.jobs(name, owner)


def visible_job(site: Site, request: Request, name: str, job: str) -> Job:
    """One of them.

    Raises:
        NotFound: there is none with this id.
        PodiumError: as `visible_jobs`.
    """
    site.require_model(name, request.actor)
    found = jobs_of(site).find(name, job)
    if not sees_all(request.actor, name) and found.owner != owner_of(request):
        raise NotFound("there is no such job", hint="jobs are deleted some days after they ended")
    return found


def may_change(request: Request, job: Job) -> bool:
    """Whether the actor may start, cancel or delete a job: their own, or as who manages the model."""
    return job.owner == owner_of(request) or allowed(request.actor, Action.MANAGE, job.model)


def changeable_job(site: Site, request: Request, name: str, job: str) -> Job:
    """A visible job that the actor may start, cancel or delete.

    Raises:
        NotAllowed: they may only look at it.
        PodiumError: as `visible_job`.
    """
    found = visible_job(site, request, name, job)
    if not may_change(request, found):
        raise NotAllowed("this is a job of somebody else's", hint="you may look at it")
    return found


def can_be_recorded(site: Site) -> bool:
    """Whether rows of jobs can be recorded: not in a store that is in the memory of a process."""
    recorder = site.service.recorder
    return recorder is not None and recorder.folder is not None


def receive(
    site: Site,
    request: Request,
    name: str,
    *,
    state: State,
    said: Mapping[str, str] = {},
) -> Job:
    """The file of a request as a job of the champion's.

    Args:
        request: its body is in a file.
        state: `new`, or `waiting` to start at once.
        said: what comes with it: `name`, `record`, and the `file`'s name where it has no other.

    Raises:
        UnsupportedMedia: neither its name nor its content type says its format.
        PodiumError: the model has no file, or the job can't be kept.
    """
    assert request.upload is not None  # `in_file` sees to it
    version = site.champion(name, request.actor)
    file = _file_name(request.upload.name or said.get("file", ""))
    now_us = time.time_ns() // 1_000
    job = Job(
        id=secrets.token_hex(16),
        model=name,
        version=version.version,
        digest=version.digest,
        path=_bundle_of(site, version),
        owner=owner_of(request),
        actor=request.actor.name,
        name=job_name(said.get("name", "")),
        file=file,
        format=_format(file, request.media),
        state=state,
        is_recorded=is_to_be_recorded(site, said.get("record", "true")),
        created_us=now_us,
        queued_us=now_us if state == "waiting" else 0,
        changed_us=now_us,
    )
    return jobs_of(site).add(job, request.upload)


def job_name(text: str) -> str:
    """The name of a job.

    Raises:
        InputError: records can't hold it.
    """
    name = " ".join(text.split())[:NAME_MAX]
    problem = text_problem(name)
    if problem is not None:
        raise InputError(f"the name of the job can't be used: {problem}")
    return name


def is_to_be_recorded(site: Site, text: str) -> bool:
    """Whether rows are recorded, as somebody said; false where they can't be.

    Raises:
        InputError: it is neither true nor false.
    """
    if text.lower() not in ("true", "false"):
        raise InputError(f"record is {text[:40]!r}", hint="it is true or false")
    return text.lower() == "true" and can_be_recorded(site)


def results(site: Site, request: Request, name: str, job: str) -> Response:
    """The results as a file: `GET /models/{name}/jobs/{job}/results`.

    Raises:
        NotFound: it isn't done.
    """
    found = _done(site, request, name, job)
    name = f"{PurePosixPath(found.file or 'rows').name.removesuffix(found.format)}-scored"
    return _download(jobs_of(site).results_of(found), f"{name}{found.format}")


def refused(site: Site, request: Request, name: str, job: str) -> Response:
    """The report of invalid rows as CSV: `GET /models/{name}/jobs/{job}/refused`.

    Raises:
        NotFound: it isn't done, or every row has a prediction.
    """
    found = _done(site, request, name, job)
    if not found.n_refused:
        raise NotFound("every row of this job has a prediction", hint="there is no report")
    name = f"{PurePosixPath(found.file or 'rows').name.removesuffix(found.format)}-refused.csv"
    return _download(jobs_of(site).report_of(found), name)


def _done(site: Site, request: Request, name: str, job: str) -> Job:
    found = visible_job(site, request, name, job)
    if found.state != "done":
        raise NotFound(
            f"this job is {found.state}, so that it has no results",
            hint="" if found.has_ended else "they are there when it is done",
        )
    return found


def _download(path: Path, name: str) -> Response:
    try:
        n_bytes = path.stat().st_size
    except OSError as error:
        raise NotFound("the file is gone", hint="it was deleted a moment ago") from error
    plain = _ODD.sub("_", name)
    headers = {
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}",
        "content-length": str(n_bytes),
    }
    media = _MEDIA.get(path.suffix.lstrip("."), "application/octet-stream")
    return Response(_pieces(path, n_bytes), 200, media, headers)


def _pieces(path: Path, n_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while n_bytes > 0 and (piece := file.read(min(PIECE_BYTES, n_bytes))):
            n_bytes -= len(piece)
            yield piece


def _file_name(text: str) -> str:
    """The name of a file without folders, as browsers on any system send it."""
    name = text.replace("\\", "/").rpartition("/")[2]
    name = "".join(c if c.isprintable() else "\ufffd" for c in name)
    stem, ending = name[:-20], name[-20:]
    return stem[: FILE_NAME_MAX - 20] + ending


def _format(file: str, media: str) -> str:
    """The ending that says how to read a file.

    Raises:
        UnsupportedMedia: nothing says it.
    """
    lower = file.lower()
    zipped = ".gz" if lower.endswith(".gz") else ""
    ending = PurePosixPath(lower.removesuffix(".gz") if zipped else lower).suffix
    if FORMATS.get(ending, "arrow") == "arrow":
        ending, zipped = ENDINGS.get(media, ""), ""
    try:
        format_of(Path(f"rows{ending}{zipped}"))
    except PodiumError as error:
        raise UnsupportedMedia(
            f"{file or 'the body'} is of no format that can be scored",
            hint=f"send a file {UPLOADED}, with its name or its content type",
        ) from error
    return ending + zipped


def _bundle_of(site: Site, version: LoadedVersion) -> str:
    """The file of a version, which another process can load: the registry's copy, if there is one.

    That never changes; the file that the server was started with may be packed again meanwhile.

    Raises:
        InputError: there is none.
    """
    path = version.bundle.path
    if site.versions is not None:
        copy = site.versions.registry.files.path_of(version.digest)
        path = copy if copy.is_file() else path
    if path is None:
        raise InputError(
            f"{version.name} is in no file, so that no other process can score with it",
            hint="pack it into a bundle, and serve that",
        )
    return str(path.absolute())
