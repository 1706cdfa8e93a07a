"""A body on its way from a request to a file: sent as it is, or as the file of a form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from podium.deployments.upload import Upload
from podium.errors import MalformedBody, NotAllowed, NotFound
from podium.flow.formats.forms import FORM
from podium.flow.formats.multipart import BOUNDARY_MAX_BYTES, MULTIPART
from podium.http import Request
from podium.policy.authority import LOG_IN
from podium.web.site import Site

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartParser

FIELD_MAX_BYTES, FIELDS_MAX = 16_384, 20


def require_allowed(site: Site, request: Request) -> None:
    """Let an actor send what its route puts into a file, or not.

    Raises:
        NotAllowed: on a server that others can reach it isn't known who they are.
    """
    if _is_file(site, request):
        if not site.may_score_files(request.actor):
            raise NotAllowed("files are scored for users who are known", hint=LOG_IN)
    elif not site.may_send_bulk(request.actor):
        raise NotAllowed(
            "bundles can be uploaded by users who are known, or on this machine",
            hint="turn accounts on, or copy the file to the server and run podium register",
        )


@contextmanager
def begun(site: Site, request: Request) -> Iterator[Incoming]:
    """What takes the body of a request to a file, which is gone at the end.

    Raises:
        NotFound: this app keeps no versions, or scores no files.
        PodiumError: as `Uploads.begun` and `Jobs.begun` do.
    """
    place: Place | None = site.jobs if _is_file(site, request) else site.uploads
    if place is None:
        is_file = _is_file(site, request)
        raise NotFound("no files are scored here" if is_file else "versions are fixed here")
    length = request.headers.get("content-length", "")
    n_bytes = int(length) if length.isdigit() else len(request.body)
    with place.begun(n_bytes) as upload:
        yield Incoming(request, upload, place)


@contextmanager
def in_file(site: Site, request: Request) -> Iterator[Request]:
    """The request with its body in a file, where the host hasn't put a short one into one.

    Raises:
        PodiumError: it can't be taken.
    """
    require_allowed(site, request)
    if request.upload is not None:
        yield request
        return
    with begun(site, request) as arriving:
        arriving.feed(request.body)
        yield arriving.received()


def _is_file(site: Site, request: Request) -> bool:
    """Whether it sends a file of rows, rather than a bundle."""
    route = site.router.of(request).route
    return route is not None and route.upload == "file"


class Place(Protocol):
    """Where bodies arrive.

    Attributes:
        field: the name of the file in a form; `what` is what is sent, and `advice` how.
    """

    field: str
    what: str
    advice: str

    def begun(self, n_bytes: int) -> AbstractContextManager[Upload]:
        """A file for so many bytes."""
        ...


class Incoming:
    """Takes a body piece by piece, and writes the file in it to the disk."""

    def __init__(self, request: Request, upload: Upload, place: Place) -> None:
        self._request = request
        self._upload = upload
        self._place = place
        self._n_taken = 0
        self._form: _Form | None = None
        if request.media == MULTIPART:
            self._form = _Form(request.headers.get("content-type", ""), upload, place.field)

    def feed(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            MalformedBody: it doesn't belong to a form.
            PodiumError: as `Upload.write` does.
        """
        self._n_taken += len(piece)
        (self._upload.write if self._form is None else self._form.feed)(piece)

    def received(self) -> Request:
        """The request with its body in a file; of a form, the other fields are its body.

        Raises:
            MalformedBody: the form isn't whole, or no file came.
        """
        request, fields = self._request, {}
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) != self._n_taken:
            raise MalformedBody("the body ended before all of it had come", hint="send it again")
        if self._form is not None:
            fields = self._form.fields()
        if not self._upload.n_bytes and self._upload.name:
            raise MalformedBody("the file is empty", hint=self._place.advice)
        if not self._upload.n_bytes:
            raise MalformedBody(f"no {self._place.what} was sent", hint=self._place.advice)
        media = request.media if self._form is None else FORM
        headers = {**request.headers, "content-type": media}
        return replace(
            request, headers=headers, body=urlencode(fields).encode(), upload=self._upload
        )


class _Form:
    """A form in parts: one of them, a file, goes to the disk, and the others are kept."""

    def __init__(self, content_type: str, upload: Upload, field: str) -> None:
        from python_multipart import MultipartParser
        from python_multipart.multipart import parse_options_header

        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        if not 0 < len(boundary) <= BOUNDARY_MAX_BYTES:
            raise MalformedBody("the form has no boundary that could be used")
        self._upload, self._field = upload, field
        self._fields: dict[str, bytearray] = {}
        self._header, self._value = bytearray(), bytearray()
        self._name = ""
        self._is_file = self._is_whole = False
        self._n_parts = 0
        self._parser: MultipartParser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_begin": self._begin_header,
                "on_header_field": self._take_header,
                "on_header_value": self._take_value,
                "on_header_end": self._end_header,
                "on_part_data": self._take,
                "on_end": self._end,
            },
        )

    def feed(self, piece: bytes) -> None:
        from python_multipart.exceptions import FormParserError

        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise MalformedBody(f"the body isn't valid multipart/form-data: {error}") from error

    def fields(self) -> dict[str, str]:
        """The other fields."""
        if not self._is_whole:
            raise MalformedBody("the form is incomplete", hint="send it again")
        return {name: value.decode("utf-8", "replace") for name, value in self._fields.items()}

    def _begin(self) -> None:
        self._n_parts += 1
        if self._n_parts > FIELDS_MAX:
            raise MalformedBody(f"the form has more than {FIELDS_MAX} fields")
        self._name, self._is_file = "", False

    def _begin_header(self) -> None:
        self._header, self._value = bytearray(), bytearray()

    def _take_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        from python_multipart.multipart import parse_options_header

        if bytes(self._header).lower() != b"content-disposition":
            return
        options = parse_options_header(bytes(self._value))[1]
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = b"filename" in options
        if self._is_file and (self._name != self._field or self._upload.n_bytes):
            raise MalformedBody(f"one file is expected, in the field {self._field!r}")
        if self._is_file:
            self._upload.name = options[b"filename"].decode("utf-8", "replace")
        if not self._is_file:
            self._fields[self._name] = bytearray()

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._upload.write(data[start:end])
            return
        field = self._fields.setdefault(self._name, bytearray())
        field += data[start:end]
        if len(field) > FIELD_MAX_BYTES:
            raise MalformedBody(f"the field {self._name[:40]!r} is too long")

    def _end(self) -> None:
        self._is_whole = True
