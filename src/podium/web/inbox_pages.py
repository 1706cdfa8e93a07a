"""The page on which truth is given, record by record or as a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import urlencode

from podium.access import Action, allowed
from podium.errors import InputError, InvalidRows, NotFound, UnsupportedMedia
from podium.flow.formats.forms import FORM
from podium.flow.formats.multipart import MULTIPART, SentFile, parts_of
from podium.flow.version import LoadedVersion
from podium.http import Request, Response
from podium.records.storable import is_id
from podium.signature.truth import TRUTH
from podium.web import render
from podium.web.feedback import give_feedback, give_feedback_many, read_one, record_for_feedback
from podium.web.feedback_body import MEDIA, MEDIA_NAMES
from podium.web.feedback_rows import Outcome
from podium.web.inbox import Inbox, inbox_of
from podium.web.pages import read_form
from podium.web.site import Site
from podium.web.visible_records import record_store

LISTED_MAX = 20


def index(site: Site, request: Request, name: str) -> Response:
    """The records that wait for their truth: `GET /models/{name}/inbox`."""
    inbox = inbox_of(site, request, _version(site, request, name))
    return _page(site, request, inbox)


def give(site: Site, request: Request, name: str) -> Response:
    """The form of one line: `POST /models/{name}/inbox`; its URL says where the list goes on."""
    version = _version(site, request, name)
    _, typed = read_form(request, programs=f"/api/models/{name}/feedback")
    record, signature = record_for_feedback(site, request.actor, typed.get("id", ""))
    if record.model != name:
        raise NotFound("there is no such record of this model")
    truth = typed.get(TRUTH, "")
    try:
        value, note = read_one(signature, urlencode({TRUTH: truth}).encode(), FORM)
    except InvalidRows as error:
        refused = (record.id, truth, "; ".join(map(str, error.cells)))
        inbox = inbox_of(site, request, version, refused)
        return _page(site, request, inbox, status=422)
    give_feedback(site, request.actor, record, value, note)
    query = {**request.query, "at": typed.get("at", ""), "saved": record.id}
    address = request.url(f"/models/{name}/inbox")
    return Response.redirect(f"{address}?{urlencode(query)}")


def give_file(site: Site, request: Request, name: str) -> Response:
    """The form with a file of truths: `POST /models/{name}/inbox/file`.

    Raises:
        UnsupportedMedia: it isn't that form, or the file isn't a table.
        PodiumError: the file can't be read; nothing of it was added.
    """
    version = _version(site, request, name)
    file, skip = _read_file(request, name)
    media = MEDIA.get(PurePosixPath(file.name).suffix.lower(), "")
    if not media:
        raise UnsupportedMedia("the file isn't a table", hint=f"known: {MEDIA_NAMES}")
    try:
        outcome = give_feedback_many(site, request.actor, version, file.content, media, skip=skip)
    except InvalidRows as error:
        problem = "; ".join(map(str, error.cells[:LISTED_MAX]))
        raise InputError(f"nothing was added: {problem}", hint="correct the file") from error
    # The list is that of the page without filters, where the form is.
    inbox = inbox_of(site, replace(request, query_string=""), version)
    return _page(site, request, inbox, outcome=outcome, n_skipped=skip)


def _version(site: Site, request: Request, name: str) -> LoadedVersion:
    """The version that is served now, even if it can't be loaded: its records exist."""
    record_store(site)
    if name in site.deployments:
        return site.deployments[name].choose()
    return site.champion(name, request.actor)


def _read_file(request: Request, name: str) -> tuple[SentFile, int]:
    """The file in the form, and how many of its rows were done before.

    Raises:
        UnsupportedMedia: the body isn't that form.
        InputError: no file was chosen.
    """
    if request.media != MULTIPART:
        raise UnsupportedMedia(
            "this URL accepts only the form of its page, with a file",
            hint=f"send rows from programs to {request.url(f'/api/models/{name}/feedback')}",
        )
    fields, files = parts_of(request.body)
    if len(files) != 1 or not files[0].content:
        raise InputError(
            "no file was sent, or an empty one", hint="choose a file, and send it again"
        )
    skip = dict(fields).get("skip", "")
    return files[0], int(skip) if skip.isascii() and skip.isdigit() and len(skip) < 9 else 0


def _page(
    site: Site,
    request: Request,
    inbox: Inbox,
    *,
    status: int = 200,
    outcome: Outcome | None = None,
    n_skipped: int = 0,
) -> Response:
    name, lines = inbox.version.name, list(inbox.lines)
    base = request.url(f"/models/{name}/inbox")
    n_done = 0 if outcome is None else n_skipped + outcome.added + outcome.unknown + outcome.refused
    return render.page(
        site,
        request,
        "inbox.html",
        status=status,
        model=inbox.version,
        inbox=inbox,
        lines=lines,
        at=min(inbox.at, len(lines) - 1),
        base=base,
        here=inbox.address(base),
        pager=inbox.pager(base),
        saved=_saved(request) if status == 200 and outcome is None else "",
        may_see=allowed(request.actor, Action.SEE_OWN, name),
        outcome=outcome,
        n_done=n_done,
        listed_max=LISTED_MAX,
    )


def _saved(request: Request) -> str:
    """The id of the record whose truth was just saved, or ""."""
    record_id = request.query.get("saved", "")
    return record_id if is_id(record_id) else ""
