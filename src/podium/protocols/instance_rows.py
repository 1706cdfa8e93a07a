"""Single rows in the JSON of KServe's and MLflow's clients, read by the types of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import GenericAlias
from typing import Any, Literal

import msgspec

from podium.flow.format import RowWriter
from podium.flow.typed import TypedReader
from podium.flow.version import LoadedVersion
from podium.signature import Signature

# Other keys are read by the protocols' codecs, which know what they mean.
_OPTIONS: dict[str, Any] = {"forbid_unknown_fields": True, "gc": False}


class InstanceRows:
    """Reads requests for one row, and writes the responses.

    Under each of some keys it reads an array of one object, or of one array of values in the order of
    the fields; under another a data frame with the model's columns in their order.

    Args:
        rows: the keys of rows.
        frame: the key of a data frame; "" is none.
    """

    def __init__(self, version: LoadedVersion, *rows: str, frame: str = "") -> None:
        self._reader = version.reader
        self._write = version.encoder.arrays
        self._forms = list(_forms(version.signature, version.reader, rows, frame))

    def read(self, body: bytes) -> tuple[Any, RowWriter] | None:
        """The row, and what writes its response; None if it isn't such a request."""
        if not self._reader.may_read(body):
            return None
        for form in self._forms:
            decoder, row_of = form
            try:
                request = decoder.decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if form is not self._forms[0]:  # the next request probably has the same form
                self._forms = [form, *(one for one in self._forms if one is not form)]
            return row_of(request), self._write
        return None


def kserve_rows(version: LoadedVersion) -> InstanceRows:
    """Rows under `instances`."""
    return InstanceRows(version, "instances")


def mlflow_rows(version: LoadedVersion) -> InstanceRows:
    """Rows under the keys of MLflow, and its data frame."""
    return InstanceRows(
        version, "instances", "inputs", "dataframe_records", frame="dataframe_split"
    )


def _forms(
    signature: Signature, reader: TypedReader, keys: tuple[str, ...], frame: str
) -> Iterator[tuple[msgspec.json.Decoder[Any], Callable[[Any], Any]]]:
    """Decoders of requests, and what takes the row out of what they read."""
    if reader.row_type is None:
        return
    cells = GenericAlias(tuple, reader.cell_types)
    names, make = signature.names, reader.row_type

    def row_of(values: tuple[Any, ...]) -> Any:
        return make(**dict(zip(reader.places, values, strict=True)))

    if frame:
        columns: Any = GenericAlias(tuple, tuple(Literal[name] for name in names))
        fields: list[Any] = [
            ("columns", columns),
            ("data", GenericAlias(tuple, (cells,))),
            ("index", list[Any] | None, None),
        ]
        split = msgspec.defstruct("Split", fields, **_OPTIONS)
        yield _decoder(frame, split), lambda request: row_of(request.value.data[0])
    for key in keys:
        yield _decoder(key, GenericAlias(tuple, (make,))), lambda request: request.value[0]
        if len(names) > 1 and key != "dataframe_records":
            yield (
                _decoder(key, GenericAlias(tuple, (cells,))),
                lambda request: row_of(request.value[0]),
            )


def _decoder(key: str, type_: Any) -> msgspec.json.Decoder[Any]:
    fields = [("value", type_)]
    request: Any = msgspec.defstruct("Request", fields, rename={"value": key}, **_OPTIONS)
    return msgspec.json.Decoder(request)
