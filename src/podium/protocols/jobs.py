"""Jobs in the API: a file is sent, its progress is read, and its results are downloaded."""

from __future__ import annotations

from typing import Any, get_args

from podium.access import Action
from podium.flow.formats.forms import FORM
from podium.flow.formats.multipart import MULTIPART
from podium.http import Request, Response
from podium.jobs.job import Job, State
from podium.protocols.insight import Get
from podium.protocols.portable import BYTES
from podium.protocols.schemas import ref
from podium.records.export import time_text
from podium.signature.schema import Schema
from podium.web import incoming, problems, scored_files
from podium.web.pages import read_form
from podium.web.router import Route
from podium.web.scored_files import changeable_job, jobs_of, visible_job
from podium.web.site import Site


def start(site: Site, request: Request, name: str) -> Response:
    """Score a file, in the background: `POST /api/models/{name}/jobs`."""
    site.require_model(name, request.actor)
    with incoming.in_file(site, request) as whole:
        said = dict(request.query)
        if whole.media == FORM:
            said |= read_form(whole, programs="")[1]
        job = scored_files.receive(site, whole, name, state="waiting", said=said)
    response = Response.json(job_value(site, request, job), status=202)
    response.headers["location"] = request.url(f"/api/models/{name}/jobs/{job.id}")
    return response


def index(site: Site, request: Request, name: str) -> Response:
    """The jobs that the caller may see: `GET /api/models/{name}/jobs`."""
    jobs = scored_files.visible_jobs(site, request, name)
    return Response.json({"jobs": [job_value(site, request, one) for one in jobs]})


def show(site: Site, request: Request, name: str, job: str) -> Response:
    """One job: `GET /api/models/{name}/jobs/{job}`."""
    return Response.json(job_value(site, request, visible_job(site, request, name, job)))


def end(site: Site, request: Request, name: str, job: str) -> Response:
    """Cancel a job, or delete one that has ended: `DELETE /api/models/{name}/jobs/{job}`."""
    found = changeable_job(site, request, name, job)
    if found.has_ended:
        jobs_of(site).delete(found)
        return Response(status=204)
    return Response.json(job_value(site, request, jobs_of(site).cancel(found)))


def job_value(site: Site, request: Request, job: Job) -> dict[str, Any]:
    """A job as JSON."""
    here = request.url(f"/api/models/{job.model}/jobs/{job.id}")
    links = {"self": here, "page": request.url(f"/models/{job.model}/jobs/{job.id}")}
    if job.state == "done":
        links["results"] = f"{here}/results"
        if job.n_refused:
            links["refused"] = f"{here}/refused"
    is_waiting = job.state == "waiting"
    return {
        "id": job.id,
        "name": job.name,
        "model": job.model,
        "version": job.version,
        "digest": job.digest,
        "file": job.file,
        "state": job.state,
        "recorded": job.is_recorded,
        "rows": job.n_rows,
        "refused": job.n_refused,
        "share": round(job.share, 4),
        "rows_per_s": round(job.rows_per_s, 1),
        "seconds_left": None if job.left_s is None else round(job.left_s, 1),
        "jobs_before": jobs_of(site).file.n_before(job) if is_waiting else 0,
        "bytes": job.n_bytes,
        "result_bytes": job.out_bytes,
        "sent": time_text(job.created_us),
        "began": time_text(job.began_us) if job.began_us else None,
        "ended": time_text(job.changed_us) if job.has_ended else None,
        "actor": job.actor or None,
        "error": job.error,
        "hint": job.hint,
        "links": links,
    }


def job_paths(
    site: Site, name: str, key: str, failures: dict[str, str], get: Get
) -> dict[str, Schema]:
    """The operations on the jobs of a model, by path; none where they are turned off.

    Args:
        key: the model's name as a part of identifiers.
        failures: those of every operation.
    """
    if site.jobs is None:
        return {}
    known = {"404": "There is no such job, or it is somebody else's."} | failures
    one = {"parameters": [_text("job", "path", "The id of the job.")]}
    listed = get(f"list_jobs_{key}", f"List the jobs of {name}", name, "Jobs", failures)
    shown = get(f"get_job_{key}", f"How far a job of {name} is", name, "Job", known)
    ended = get(f"end_job_{key}", f"Cancel a job of {name}", name, "Job", known)
    ended["responses"]["204"] = {"description": "It had ended, and is deleted with its files."}
    jobs, job = _JOBS.format(name=name), _JOB.replace("{name}", name)
    return {
        jobs: {"get": listed, "post": _start(name, key, get, failures)},
        job: {"get": shown | one, "delete": ended | one},
        f"{job}/results": {
            "get": _file(f"get_results_{key}", "The scored file", name, known) | one
        },
        f"{job}/refused": {
            "get": _file(f"get_refused_{key}", "The rows without a prediction", name, known) | one
        },
    }


def job_schemas() -> dict[str, Schema]:
    """The schemas of jobs, by name."""
    text, count, number = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "number"}
    time: Schema = {"type": ["string", "null"], "format": "date-time"}
    texts = ("id", "name", "model", "version", "digest", "file", "error", "hint")
    counts = ("rows", "refused", "jobs_before", "bytes", "result_bytes")
    properties: Schema = dict.fromkeys(texts, text) | dict.fromkeys(counts, count)
    properties |= dict.fromkeys(("sent", "began", "ended"), time)
    properties |= {
        "state": {"enum": list(get_args(State))},
        "recorded": {"type": "boolean"},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "rows_per_s": number,
        "seconds_left": {"type": ["number", "null"]},
        "actor": {"type": ["string", "null"]},
        "links": {"type": "object", "additionalProperties": text},
    }
    one = {"type": "object", "properties": properties, "required": sorted(properties)}
    some = {"type": "array", "items": ref("Job")}
    return {
        "Job": one,
        "Jobs": {"type": "object", "properties": {"jobs": some}, "required": ["jobs"]},
    }


def _start(name: str, key: str, get: Get, failures: dict[str, str]) -> Schema:
    known = {
        "400": "The file, or what comes with it, can't be used.",
        "413": "The file is longer than may be scored as a job.",
        "415": "Neither a name nor a content type says the format of the file.",
        "503": "Many files are being sent, or many of the caller's jobs haven't ended.",
        "507": "The file doesn't fit on the disk of the server.",
    }
    operation = get(f"start_job_{key}", f"Score a file with {name}", name, "Job", known | failures)
    accepted = operation["responses"].pop("200")
    headers = {"Location": {"description": "The job.", "schema": {"type": "string"}}}
    said = {"description": "It waits for its turn.", "headers": headers}
    operation["responses"]["202"] = accepted | said
    form: Schema = {
        "type": "object",
        "properties": {"file": {"type": "string", "contentMediaType": "text/csv"}},
        "required": ["file"],
    }
    file: Schema = {"schema": {"type": "string", "contentMediaType": BYTES}}
    bodies = dict.fromkeys((*scored_files.ENDINGS, BYTES), file) | {MULTIPART: {"schema": form}}
    record = _text("record", "query", "Whether each row is recorded.")
    parameters = [
        _text("name", "query", "The name of the job, which its records have as their source."),
        _text("file", "query", "The name of the file, for the names of its results."),
        record | {"schema": {"enum": ["true", "false"], "default": "true"}},
    ]
    return operation | {
        "parameters": parameters,
        "requestBody": {"required": True, "content": bodies},
    }


def _file(operation: str, summary: str, name: str, known: dict[str, str]) -> Schema:
    problem = {problems.MEDIA: {"schema": ref("Problem")}}
    failures = {status: {"description": text, "content": problem} for status, text in known.items()}
    file = {"description": "The file.", "content": {"*/*": {"schema": {}}}}
    other = {"description": "Any other problem.", "content": problem}
    return {
        "operationId": operation,
        "summary": f"{summary} of a job of {name}",
        "tags": [name],
        "responses": {"200": file, "default": other} | failures,
    }


def _text(name: str, place: str, description: str) -> Schema:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": {"type": "string"},
    }


_JOBS, _JOB = "/api/models/{name}/jobs", "/api/models/{name}/jobs/{job}"
_PREDICT = Action.PREDICT
ROUTES = (
    Route("api_start_job", ("POST",), _JOBS, start, _PREDICT, is_prediction=True, upload="file"),
    Route("api_jobs", ("GET",), _JOBS, index, _PREDICT),
    Route("api_job", ("GET",), _JOB, show, _PREDICT),
    Route("api_end_job", ("DELETE",), _JOB, end, _PREDICT),
    Route(
        "api_job_results", ("GET",), f"{_JOB}/results", scored_files.results, _PREDICT, reads=True
    ),
    Route(
        "api_job_refused", ("GET",), f"{_JOB}/refused", scored_files.refused, _PREDICT, reads=True
    ),
)
