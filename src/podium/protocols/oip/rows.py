"""Single rows over REST, read and written without tensors: what most requests for one row are."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from podium.flow.format import RowWriter
from podium.flow.version import LoadedVersion
from podium.protocols.oip.outputs import datatype_of, prediction_text
from podium.protocols.oip.tensors import BYTES, DTYPES
from podium.signature import Field

_FLOATS = tuple(one for one in DTYPES if one.startswith("FP"))
_INTEGERS = tuple(one for one in DTYPES if "INT" in one)
# The datatypes for whose JSON the type of a field is strict enough: that of a float accepts integers.
_OF_FIELDS = {
    "float": _FLOATS,
    "integer": _FLOATS + _INTEGERS,
    "boolean": ("BOOL",),
    "text": (BYTES,),
}
_OF_LABELS: dict[frozenset[object], tuple[str, ...]] = {
    frozenset({str}): (BYTES,),
    frozenset({int}): _INTEGERS,
    frozenset({bool}): ("BOOL",),
}
_VALUES: dict[str, Callable[[Any], object]] = {
    "FP64": float,
    "INT64": int,
    "BOOL": bool,
    BYTES: prediction_text,
}
# The id of a request, and the cells of each input: what differs between the requests of a client.
_VALUE = re.compile(
    rb'"(?:(id)|data)"\s*:\s*(?:\[\s*){0,2}("[^"\\]*(?:\\.[^"\\]*)*"|[^\]"]*)', re.DOTALL
)
# What may stand in their places: a text, or what can't be one, since none begins there.
_ID, _TEXT = rb'("[^"\\]*+")', rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")'
_CELL, _CELLS = rb'([^\]",]++)', rb'([^\]"]++)'
_SHAPES = ([1], [1, 1])
_encode = msgspec.json.Encoder().encode
FORMS_MAX = 8
# Learning a form takes a millisecond for ten inputs: it may take this share of the time, some seconds of
# which may be used in advance.
LEARNING_SHARE = 0.01
LEARNING_AHEAD_S = 10.0
_text_of = msgspec.json.Decoder(str).decode


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    """Other keys are read by `RestCodec`, which knows what they mean."""


class Parameters(_Strict):
    """Parameters that change nothing: clients of MLServer send the content type."""

    content_type: str = ""


class _Input(_Strict):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: Parameters | None = None


class _Request(_Strict):
    inputs: list[_Input]
    id: str = ""
    parameters: Parameters | None = None


_request_of = msgspec.json.Decoder(_Request).decode


@dataclass(frozen=True, slots=True)
class _Form:
    """Requests that are the same but for their id and their cells.

    Attributes:
        match: finds these, in their order.
        row: what becomes a row in Podium's own form with the cells in it.
        is_whole: whether one input holds all cells.
        id_place: which of what is found is the id; None if there is none.
    """

    match: Callable[[bytes], re.Match[bytes] | None]
    row: bytes
    is_whole: bool
    id_place: int | None

    def read(self, found: re.Match[bytes]) -> tuple[bytes, str]:
        """The row in Podium's own form, and the id of the request.

        Raises:
            TypeError: there aren't as many cells as the row has.
            msgspec.DecodeError: the id isn't a text.
        """
        values, id_ = found.groups(), ""
        if self.id_place is not None:
            id_ = _text_of(values[self.id_place])
            values = (*values[: self.id_place], *values[self.id_place + 1 :])
        return self.row % (tuple(values[0].split(b",")) if self.is_whole else values), id_


class RestRows:
    """Reads requests for one row of JSON, and writes the responses.

    It reads an input for each field, in any order, or one for all fields, flat or nested. A client repeats
    all of a request but its values: that form is learned once, and the values of the next ones are read as
    Podium's own form, whose types check them. All other requests are read by `RestCodec`, which writes
    the same responses to these.
    """

    def __init__(self, version: LoadedVersion) -> None:
        self._reader = version.reader
        is_single = len(version.signature.outputs) == 1
        is_readable = is_single and version.reader.row_type is not None
        self._fields = version.signature.fields if is_readable else ()
        self._forms: list[_Form] = []
        self._learns_at_s = 0.0
        self._write = _Writer(version).write

    def read(self, body: bytes) -> tuple[Any, RowWriter] | None:
        """The row, and what writes its response; None if it isn't such a request."""
        for form in self._forms:
            found = form.match(body)
            if found is not None:
                break
        else:
            learned = self._learned(body)
            if learned is None:
                return None
            form, found = learned
        if form is not self._forms[0]:  # the next request probably has the same form
            self._forms = [form, *(one for one in self._forms if one is not form)]
        try:
            own, id_ = form.read(found)
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            return None
        row = self._reader.one(own)
        return None if row is None else (row, partial(self._write, id_))

    def _learned(self, body: bytes) -> tuple[_Form, re.Match[bytes]] | None:
        """A new form with this request as its first; None if it has none, or too many were learned."""
        began_s = time.monotonic()
        if began_s < self._learns_at_s - LEARNING_AHEAD_S:
            return None
        form = _form_of(body, self._fields)
        took_s = time.monotonic() - began_s
        self._learns_at_s = max(self._learns_at_s, began_s) + took_s / LEARNING_SHARE
        found = None if form is None else form.match(body)
        if form is None or found is None:
            return None
        self._forms = [form, *self._forms[: FORMS_MAX - 1]]
        return form, found


def _form_of(body: bytes, fields: Sequence[Field]) -> _Form | None:
    """The form of a request; None if it isn't for one row of plain values."""
    try:
        request = _request_of(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    by_field = _by_field(fields, request.inputs)
    is_whole = by_field is None and _is_whole(fields, request.inputs)
    named = fields if is_whole else by_field
    found = list(_VALUE.finditer(body))
    ids = [place for place, one in enumerate(found) if one[1]]
    if not named or len(found) - len(ids) != len(request.inputs) or len(ids) > 1:
        return None
    pattern: list[bytes] = []
    at = 0
    for one in found:
        is_text = one[2].startswith(b'"')
        value = _ID if one[1] else _CELLS if is_whole else _TEXT if is_text else _CELL
        pattern += re.escape(body[at : one.start(2)]), value
        at = one.end(2)
    pattern.append(re.escape(body[at:]))
    cells = [_encode(one.name).replace(b"%", b"%%") + b":%b" for one in named]
    match = re.compile(b"".join(pattern), re.DOTALL).fullmatch
    return _Form(match, b"{" + b",".join(cells) + b"}", is_whole, ids[0] if ids else None)


def _by_field(fields: Sequence[Field], inputs: Sequence[_Input]) -> Sequence[Field] | None:
    """The fields in the order of the inputs, if there is one of one cell for each."""
    named = {one.name: one for one in fields}
    found = [named.pop(one.name, None) for one in inputs]
    are_cells = all(
        field is not None
        and one.shape in _SHAPES
        and one.datatype in _datatypes_of(field)
        and len(one.data) == 1
        and not isinstance(one.data[0], list)
        for one, field in zip(inputs, found, strict=True)
    )
    return [one for one in found if one] if are_cells and not named else None


def _is_whole(fields: Sequence[Field], inputs: Sequence[_Input]) -> bool:
    """Whether there is one input, of one row of all fields, which are numbers."""
    types, n_fields = {one.type for one in fields}, len(fields)
    if len(inputs) != 1 or n_fields < 2 or not types <= {"float", "integer"}:
        return False
    (one,) = inputs
    datatypes = _FLOATS if "float" in types else _FLOATS + _INTEGERS
    data = one.data[0] if len(one.data) == 1 and isinstance(one.data[0], list) else one.data
    is_flat = len(data) == n_fields and not any(isinstance(cell, list) for cell in data)
    return is_flat and one.shape == [1, n_fields] and one.datatype in datatypes


def _datatypes_of(one: Field) -> tuple[str, ...]:
    """The datatypes of the inputs that are read here; none if there are none."""
    if one.type == "category":
        return _OF_LABELS.get(one.label_types, ())
    return _OF_FIELDS.get(one.type, ())


class _Writer:
    """Writes responses to single rows, from parts that are encoded in advance."""

    def __init__(self, version: LoadedVersion) -> None:
        output = version.signature.output
        datatype = datatype_of(output)
        self._value = _VALUES[datatype]
        self._label_of = output.word_for if output.words else None
        self._head = b'{"model_name":%b,"model_version":%b' % (
            _encode(version.name),
            _encode(version.version),
        )
        self._prediction = b',"outputs":[' + _opening("prediction", datatype)
        self._label = b"]}," + _opening("label", BYTES)
        self._shares = b"]}," + _opening("probabilities", "FP64", len(output.classes))
        self._score = b"]}," + _opening("score", "FP64")
        self._distances = b"]}," + _opening("distances", "FP64", len(output.classes))
        self._id = b"]}," + _opening("id", BYTES)

    def write(
        self,
        request_id: str,
        prediction: object,
        probabilities: Sequence[float] | None,
        score: float | None,
        distances: Sequence[float] | None,
        record_id: str,
    ) -> bytes:
        """The body of a response."""
        parts = [self._head]
        if request_id:
            parts += b',"id":', _encode(request_id)
        parts += self._prediction, _encode(self._value(prediction))
        if self._label_of is not None:
            parts += self._label, _encode(self._label_of(prediction))
        if probabilities is not None:
            parts += self._shares, _encode(probabilities)[1:-1]
        if score is not None:
            parts += self._score, _encode(score)
        if distances is not None:
            parts += self._distances, _encode(distances)[1:-1]
        if record_id:
            parts += self._id, b'"', record_id.encode(), b'"'
        parts.append(b"]}]}")
        return b"".join(parts)


def _opening(name: str, datatype: str, width: int = 1) -> bytes:
    """A tensor with one row as JSON, up to its cells."""
    head = {"name": name, "datatype": datatype, "shape": (1, width), "data": []}
    return _encode(head).removesuffix(b"]}")
