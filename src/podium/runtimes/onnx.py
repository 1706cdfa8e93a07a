"""ONNX files, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from podium.errors import BundleError, ModelError, SetupError
from podium.outputs import Outputs
from podium.plugins import needs
from podium.runtimes.onnx_outputs import LINKS, Link, outputs_from
from podium.runtimes.onnx_tensors import require_embedded_tensors
from podium.runtimes.packed import PackedModel
from podium.runtimes.protocol import RuntimeFeatures
from podium.signature import NUMBERS, Field, FieldType, Output, Signature
from podium.table import Array, Table, plain_values

_NUMPY = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int16)": np.int16,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}
GRAPH = "graph.onnx"
TEXTS = "tensor(string)"
FRACTIONAL = ("tensor(float)", "tensor(double)", "tensor(float16)")


class OnnxRuntime:
    """An ONNX graph behind the Runtime protocol.

    Its inputs are either one tensor of shape (n_rows, n_fields), or one of shape (n_rows, 1) for
    each field. Its outputs are one value or label for each row, with or without probabilities, or
    scores that a link turns into probabilities.

    Raises:
        MissingExtra: ONNX Runtime isn't installed.
        SetupError: the graph can't be loaded, or its inputs don't match the signature.
    """

    features = RuntimeFeatures()

    def __init__(self, content: bytes, signature: Signature, link: Link = "") -> None:
        self._session = open_session(content)
        self.signature = signature
        self.link = link
        self._inputs = self._session.get_inputs()
        self._feeds_matrix = len(self._inputs) == 1 and not (
            len(signature.fields) == 1 and _width(self._inputs[0]) == 1
        )
        self._check_inputs()

    @property
    def takes_float_matrix(self) -> bool:
        """Whether its input is one matrix of floating-point numbers."""
        return self._feeds_matrix and self._inputs[0].type in FRACTIONAL

    def predict(self, table: Table) -> Outputs:
        """The graph's predictions.

        Raises:
            ModelError: ONNX Runtime refused the rows, or the output doesn't match the signature.
        """
        return outputs_from(self.tensors(table), self.signature, self.link)

    def tensors(self, table: Table) -> list[Any]:
        """The graph's raw output tensors.

        Raises:
            ModelError: ONNX Runtime refused the rows.
        """
        feed = self._feed(table)
        try:
            tensors: list[Any] = self._session.run(None, feed)
        except Exception as error:
            raise ModelError(f"ONNX Runtime raised {type(error).__name__}") from error
        return tensors

    def _check_inputs(self) -> None:
        for one in self._inputs:
            if one.type not in _NUMPY:
                raise SetupError(
                    f"input {one.name!r} of the ONNX graph is a {one.type}, not a tensor"
                )
        n_fields = len(self.signature.fields)
        if self._feeds_matrix:
            width = _width(self._inputs[0])
            if width is not None and width != n_fields:
                raise SetupError(
                    f"the ONNX graph takes {width} columns; the signature has {n_fields}"
                )
        elif len(self._inputs) != n_fields:
            raise SetupError(
                f"the ONNX graph has {len(self._inputs)} inputs; the signature has {n_fields} fields"
            )
        for one, field in self._pairs():
            if one.type != TEXTS and not _is_numeric(field):
                raise SetupError(
                    f"{field.name!r} is a {field.type}; the ONNX graph takes numbers there",
                    hint="encode it as in training before you pack the model",
                )

    def _pairs(self) -> Iterator[tuple[Any, Field]]:
        """Each field, and its input."""
        if self._feeds_matrix:
            yield from ((self._inputs[0], field) for field in self.signature.fields)
            return
        names = [one.name for one in self._inputs]
        if set(names) == set(self.signature.names):
            yield from zip(self._inputs, map(self.signature.field, names), strict=True)
            return
        yield from zip(self._inputs, self.signature.fields, strict=True)

    def _feed(self, table: Table) -> dict[str, Array]:
        cells = [
            (one.name, _cells(table.columns[field.name], field.name, _NUMPY[one.type]))
            for one, field in self._pairs()
        ]
        if self._feeds_matrix:
            return {self._inputs[0].name: np.column_stack([column for _, column in cells])}
        return {name: column.reshape(-1, 1) for name, column in cells}


def open_graph(packed: PackedModel) -> OnnxRuntime:
    """The graph in a bundle.

    Raises:
        MissingExtra: ONNX Runtime isn't installed.
        SetupError: the graph can't be loaded, or its inputs don't match the signature.
        BundleError: the bundle lacks it, or names an unknown link.
    """
    link = packed.options.get("link", "")
    if link not in LINKS:
        raise BundleError(f"the bundle of {packed.name} has no valid link: {str(link)[:100]!r}")
    return OnnxRuntime(packed.file(GRAPH), packed.signature, link)


def open_session(content: bytes) -> Any:
    """An ONNX Runtime session on one thread, which the server multiplies by its workers.

    Raises:
        MissingExtra: ONNX Runtime isn't installed.
        SetupError: it isn't an ONNX graph, needs a newer runtime, or has numbers in other files.
    """
    require_embedded_tensors(content)
    with needs("onnx"):
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised too; logged, they are red on the terminal
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise SetupError(f"ONNX Runtime can't load this graph: {str(error)[:300]}") from error


def graph_fields(content: bytes) -> tuple[Field, ...]:
    """The fields that the graph alone defines: names, types, no ranges."""
    inputs = open_session(content).get_inputs()
    if len(inputs) == 1:
        type_ = _field_type(inputs[0].type)
        width = _width(inputs[0]) or 1
        names = [inputs[0].name] if width == 1 else [f"x{i}" for i in range(width)]
        return tuple(Field(name=name, type=type_) for name in names)
    return tuple(Field(name=one.name, type=_field_type(one.type)) for one in inputs)


def graph_outputs(content: bytes, fields: Sequence[Field], sample: Table) -> list[Any]:
    """The graph's output for some rows, and for rows far beyond them if its input is a matrix.

    Real probabilities stay probabilities there; numbers that only look like them don't.

    Raises:
        ModelError: it refuses the rows.
    """
    runtime = OnnxRuntime(content, Signature(fields=tuple(fields), outputs=(Output(),)))
    if not runtime.takes_float_matrix:
        return runtime.tensors(sample)
    columns = {
        one.name: np.concatenate([_numbers(sample.columns[one.name]) * by for by in (1, 1e3, -1e3)])
        for one in fields
    }
    try:
        return runtime.tensors(Table(columns, 3 * sample.n_rows, sample.dtypes, sample.frame))
    except ModelError:  # indices of an embedding, for example, have an upper limit
        return runtime.tensors(sample)


def _field_type(onnx_type: str) -> FieldType:
    kind = np.dtype(_NUMPY.get(onnx_type, np.float32)).kind
    types: dict[str, FieldType] = {"f": "float", "i": "integer", "u": "integer", "b": "boolean"}
    return types.get(kind, "text")


def _width(one: Any) -> int | None:
    return one.shape[1] if len(one.shape) > 1 and isinstance(one.shape[1], int) else None


def matrix_of(table: Table, fields: Sequence[Field]) -> Array:
    """The columns side by side, as numbers: shape (n_rows, n_fields).

    Raises:
        SetupError: one holds something else.
    """
    for field in fields:
        if not _is_numeric(field):
            raise SetupError(
                f"{field.name!r} is a {field.type}; the network takes numbers",
                hint="encode it as in training before you pack the model",
            )
    return np.column_stack([_numbers(table.columns[field.name]) for field in fields])


def _is_numeric(field: Field) -> bool:
    if field.type == "category":
        return not any(isinstance(label, str) for label in field.labels)
    return field.type in (*NUMBERS, "boolean")


def _cells(column: Array, name: str, dtype: Any) -> Array:
    """A column converted to this input type.

    Raises:
        ModelError: the type has no such value.
    """
    if dtype is np.object_:
        return _texts(column)
    numbers = _numbers(column)
    if np.dtype(dtype).kind == "f":
        with np.errstate(over="ignore"):
            cells = numbers.astype(dtype)
        if (np.isinf(cells) & np.isfinite(numbers)).any():
            raise ModelError(
                f"the ONNX graph takes {np.dtype(dtype)} in {name!r}; one is out of range"
            )
        return cells
    with np.errstate(invalid="ignore"):
        cells = numbers.astype(dtype)
    if (cells != numbers).any():
        raise ModelError(f"the ONNX graph takes whole numbers in {name!r}; one is missing or isn't")
    return cells


def _numbers(column: Array) -> Array:
    if column.dtype.kind == "O":
        return np.array([np.nan if v is None else v for v in column], np.float64)
    return column.astype(np.float64) if column.dtype.kind != "i" else column


def _texts(column: Array) -> Array:
    cells = np.empty(len(column), object)
    cells[:] = ["" if v is None else str(v) for v in plain_values(column)]
    return cells
