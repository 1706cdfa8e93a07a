"""Multipart forms, as form libraries and test clients send them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podium.errors import MalformedBody

if TYPE_CHECKING:
    from python_multipart.multipart import Field, File

MULTIPART = "multipart/form-data"
FIELDS_MAX = 10_000
BOUNDARY_MAX_BYTES = 70  # RFC 2046, section 5.1.1


def fields_of(body: bytes) -> list[tuple[str, str]]:
    """The names and values of the fields, in their order.

    The boundary is read from the body's first line, which contains nothing else.

    Raises:
        MalformedBody: it isn't a multipart form, or contains a file.
    """
    from python_multipart import FormParser  # most servers never receive one
    from python_multipart.exceptions import FormParserError

    first, _, _ = body.partition(b"\r\n")
    boundary = first.removeprefix(b"--").rstrip()
    if not first.startswith(b"--") or not 0 < len(boundary) <= BOUNDARY_MAX_BYTES:
        raise MalformedBody(
            "the body isn't valid multipart/form-data: it doesn't begin with a boundary"
        )
    if not body.rstrip().endswith(b"--" + boundary + b"--"):  # unfinished parts are dropped
        raise MalformedBody(
            "the multipart form is incomplete", hint="send all of it, with the closing boundary"
        )
    found: list[tuple[bytes, bytes]] = []

    def add(field: Field) -> None:
        if len(found) == FIELDS_MAX:
            raise MalformedBody(f"the form has more than {FIELDS_MAX} fields")
        found.append((field.field_name or b"", field.value or b""))

    def refuse(file: File) -> None:
        name = (file.field_name or b"").decode("utf-8", "replace")[:100]
        file.close()
        raise MalformedBody(f"a file was sent as {name!r}", hint="send values, not files")

    # Everything is in memory already, so nothing is written to a temporary file.
    config = {"MAX_MEMORY_FILE_SIZE": len(body) + 1}
    parser = FormParser(MULTIPART, add, refuse, boundary=boundary, config=config)
    try:
        parser.write(body)
        parser.finalize()
        return [(name.decode(), value.decode()) for name, value in found]
    except (FormParserError, UnicodeDecodeError) as error:
        raise MalformedBody(f"the body isn't valid multipart/form-data: {error}") from error
