"""Single rows over REST, read and written without tensors: what most requests for one row are."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from types import GenericAlias
from typing import Annotated, Any, Literal

import msgspec

from podium.flow.format import RowWriter
from podium.flow.typed import TypedReader
from podium.flow.version import LoadedVersion
from podium.protocols.oip.outputs import datatype_of, prediction_text
from podium.protocols.oip.tensors import BYTES, DTYPES
from podium.signature import Field, Signature

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
_SHAPE = Annotated[list[Literal[1]], msgspec.Meta(min_length=1, max_length=2)]
# Other keys are read by `RestCodec`, which knows what they mean.
_OPTIONS: dict[str, Any] = {"forbid_unknown_fields": True, "gc": False}
_encode = msgspec.json.Encoder().encode


class Parameters(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Parameters that change nothing: clients of MLServer send the content type."""

    content_type: str = ""


class RestRows:
    """Reads requests for one row of JSON, and writes the responses.

    It reads an input for each field, in any order, or one for all fields, flat or nested. All other
    requests are read by `RestCodec`, which writes the same responses to these.
    """

    def __init__(self, version: LoadedVersion) -> None:
        self._reader = version.reader
        is_single = len(version.signature.outputs) == 1
        self._forms = list(_forms(version.signature, version.reader)) if is_single else []
        self._write = _Writer(version).write

    def read(self, body: bytes) -> tuple[Any, RowWriter] | None:
        """The row, and what writes its response; None if it isn't such a request."""
        if not self._reader.may_read(body):
            return None
        for form in self._forms:
            try:
                request = form.decoder.decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if form is not self._forms[0]:  # the next request probably has the same form
                self._forms = [form, *(one for one in self._forms if one is not form)]
            cells = form.cells(request.inputs)
            if cells is None:
                return None
            return self._reader.row_type(**cells), partial(self._write, request.id)
        return None


@dataclass(frozen=True, slots=True)
class _Form:
    """A form of requests.

    Attributes:
        cells: those in its inputs, by the attribute of the row; None if they aren't those of one row.
    """

    decoder: msgspec.json.Decoder[Any]
    cells: Callable[[Sequence[Any]], Mapping[str, Any] | None]

    @classmethod
    def of(cls, inputs: Any, cells: Callable[[Sequence[Any]], Mapping[str, Any] | None]) -> _Form:
        """The form with inputs of this type."""
        keys: list[Any] = [
            ("inputs", inputs),
            ("id", str, ""),
            ("parameters", Parameters | None, None),
        ]
        request: Any = msgspec.defstruct("Request", keys, **_OPTIONS)
        return cls(msgspec.json.Decoder(request), cells)


def _forms(signature: Signature, reader: TypedReader) -> Iterator[_Form]:
    fields = signature.fields
    if reader.row_type is None:
        return
    datatypes = [_datatypes_of(one) for one in fields]
    if all(datatypes):
        yield _by_field(fields, datatypes, reader)
    types = {one.type for one in fields}
    if len(fields) > 1 and types <= {"float", "integer"}:
        names = _FLOATS if "float" in types else _FLOATS + _INTEGERS
        cells = GenericAlias(tuple, reader.cell_types)
        places = reader.places
        yield _whole(names, len(fields), cells, lambda one: zip(places, one.data, strict=True))
        nested = GenericAlias(tuple, (cells,))
        yield _whole(names, len(fields), nested, lambda one: zip(places, one.data[0], strict=True))


def _by_field(
    fields: Sequence[Field], datatypes: Sequence[Sequence[str]], reader: TypedReader
) -> _Form:
    """An input for each field, in any order."""
    places = {}
    for one, names, place, cell in zip(
        fields, datatypes, reader.places, reader.cell_types, strict=True
    ):
        keys = _keys(_SHAPE, names, GenericAlias(tuple, (cell,)))
        tensor: Any = msgspec.defstruct("Input", keys, tag_field="name", tag=one.name, **_OPTIONS)
        places[tensor] = place
    n_fields = len(fields)

    def cells(inputs: Sequence[Any]) -> dict[str, Any] | None:
        found = {places[type(one)]: one.data[0] for one in inputs}
        return found if len(found) == len(inputs) == n_fields else None

    return _Form.of(GenericAlias(list, reduce(operator.or_, places)), cells)


def _whole(
    datatypes: Sequence[str],
    n_fields: int,
    data: Any,
    pairs: Callable[[Any], Iterator[tuple[str, Any]]],
) -> _Form:
    """One input for all fields."""
    shape = GenericAlias(tuple, (Literal[1], Literal[n_fields]))
    keys = [("name", str), *_keys(shape, datatypes, data)]
    tensor: Any = msgspec.defstruct("Input", keys, **_OPTIONS)
    return _Form.of(GenericAlias(tuple, (tensor,)), lambda inputs: dict(pairs(inputs[0])))


def _keys(shape: Any, datatypes: Sequence[str], data: Any) -> list[Any]:
    known: Any = Literal[tuple(datatypes)]
    return [
        ("shape", shape),
        ("datatype", known),
        ("data", data),
        ("parameters", Parameters | None, None),
    ]


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
        self._id = b"]}," + _opening("id", BYTES)

    def write(
        self,
        request_id: str,
        prediction: object,
        probabilities: Sequence[float] | None,
        score: float | None,
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
        if record_id:
            parts += self._id, b'"', record_id.encode(), b'"'
        parts.append(b"]}]}")
        return b"".join(parts)


def _opening(name: str, datatype: str, width: int = 1) -> bytes:
    """A tensor with one row as JSON, up to its cells."""
    head = {"name": name, "datatype": datatype, "shape": (1, width), "data": []}
    return _encode(head).removesuffix(b"]}")
