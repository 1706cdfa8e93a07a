"""Multipart forms, as form libraries and test clients send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podium.errors import MalformedBody

if TYPE_CHECKING:
    from python_multipart.multipart import Field, File

MULTIPART = "multipart/form-data"
FIELDS_MAX = 10_000
BOUNDARY_MAX_BYTES = 70  # RFC 2046, section 5.1.1


class SentFile(NamedTuple):
    """A file in a form: the name of its field, its own name, and its content."""

    field: str
    name: str
    content: bytes


def fields_of(body: bytes) -> list[tuple[str, str]]:
    """The names and values of the fields, in order.

    Raises:
        MalformedBody: it isn't such a form, or contains a file.
    """
    fields, files = parts_of(body)
    if files:
        raise MalformedBody(
            f"a file was sent as {files[0].field[:100]!r}", hint="send values, not files"
        )
    return fields


def parts_of(body: bytes) -> tuple[list[tuple[str, str]], list[SentFile]]:
    """The names and values of the fields, and the files, in order.

    The boundary is taken from the first line of the body, which contains nothing else.

    Raises:
        MalformedBody: it isn't such a form.
    """
    from python_multipart import FormParser  # most servers never receive such a form
    from python_multipart.exceptions import FormParserError

    body = body.removeprefix(b"\r\n")  # some clients write a preamble, which is empty
    boundary = _boundary(body)
    fields: list[tuple[bytes, bytes]] = []
    files: list[tuple[bytes, bytes, bytes]] = []

    def add(field: Field) -> None:
        _check_count(len(fields) + len(files))
        fields.append((field.field_name or b"", field.value or b""))

    def add_file(file: File) -> None:
        _check_count(len(fields) + len(files))
        file.file_object.seek(0)
        files.append((file.field_name or b"", file.file_name or b"", file.file_object.read()))
        file.close()

    # Everything is in memory already: nothing is written to a temporary file.
    config = {"MAX_MEMORY_FILE_SIZE": len(body) + 1}
    parser = FormParser(MULTIPART, add, add_file, boundary=boundary, config=config)
    try:
        parser.write(body)
        parser.finalize()
        texts = [(name.decode(), value.decode()) for name, value in fields]
    except (FormParserError, UnicodeDecodeError) as error:
        raise MalformedBody(f"the body isn't valid multipart/form-data: {error}") from error
    sent = [
        SentFile(field.decode("utf-8", "replace"), name.decode("utf-8", "replace"), content)
        for field, name, content in files
    ]
    return texts, sent


def _boundary(body: bytes) -> bytes:
    first, _, _ = body.partition(b"\r\n")
    boundary = first.removeprefix(b"--").rstrip()
    if not first.startswith(b"--") or not 0 < len(boundary) <= BOUNDARY_MAX_BYTES:
        raise MalformedBody(
            "the body isn't valid multipart/form-data: it doesn't begin with a boundary"
        )
    if not body.rstrip().endswith(
        b"--" + boundary + b"--"
    ):  # the parser ignores an unfinished part
        raise MalformedBody(
            "the multipart form is incomplete", hint="send all of it, with the closing boundary"
        )
    return boundary


def _check_count(n_parts: int) -> None:
    if n_parts == FIELDS_MAX:
        raise MalformedBody(f"the form has more than {FIELDS_MAX} fields")
