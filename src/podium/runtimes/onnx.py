"""ONNX files, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from podium.errors import ModelError, SetupError
from podium.plugins import needs
from podium.runtimes.protocol import RuntimeFeatures
from podium.signature import Field, FieldType, Label, Output, Signature
from podium.table import Array, Outputs, Table, plain_values

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


class OnnxRuntime:
    """An ONNX graph behind the Runtime protocol.

    Its inputs are either one tensor of shape (n_rows, n_fields), or one of shape (n_rows, 1) for
    each field. Its outputs are a value or a label a row, with or without probabilities.

    Raises:
        MissingExtra: ONNX Runtime isn't installed.
        SetupError: the graph can't be loaded, or its inputs don't fit the signature.
    """

    features = RuntimeFeatures(releases_gil=True)

    def __init__(self, content: bytes, signature: Signature) -> None:
        self._session = open_session(content)
        self.signature = signature
        self._inputs = self._session.get_inputs()
        self._feeds_matrix = len(self._inputs) == 1 and not (
            len(signature.fields) == 1 and _width(self._inputs[0]) == 1
        )
        self._check_inputs()

    def predict(self, table: Table) -> Outputs:
        """The graph's answers.

        Raises:
            ModelError: ONNX Runtime refused the rows, or the graph answered in a way that fits no
                signature.
        """
        try:
            answers = self._session.run(None, self._feed(table))
        except Exception as error:
            raise ModelError(f"ONNX Runtime raised {type(error).__name__}") from error
        return outputs_from(answers, self.signature)

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

    def _feed(self, table: Table) -> dict[str, Array]:
        columns = [table.columns[name] for name in self.signature.names]
        if self._feeds_matrix:
            only = self._inputs[0]
            dtype = _NUMPY[only.type]
            if dtype is np.object_:
                return {only.name: np.column_stack([_texts(c) for c in columns])}
            return {only.name: np.column_stack([_numbers(c) for c in columns]).astype(dtype)}
        feed = {}
        for one, field in zip(self._inputs, self._fields_in_order(), strict=True):
            column = table.columns[field.name]
            dtype = _NUMPY[one.type]
            cells = _texts(column) if dtype is np.object_ else _numbers(column).astype(dtype)
            feed[one.name] = cells.reshape(-1, 1)
        return feed

    def _fields_in_order(self) -> Sequence[Field]:
        names = [one.name for one in self._inputs]
        if set(names) == set(self.signature.names):
            return [self.signature.field(name) for name in names]
        return self.signature.fields


def open_session(content: bytes) -> Any:
    """An ONNX Runtime session on one thread, which the server multiplies by its workers.

    Raises:
        MissingExtra: ONNX Runtime isn't installed.
        SetupError: this is no ONNX graph, or a newer one than the runtime knows.
    """
    with needs("onnx"):
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise SetupError(f"ONNX Runtime can't load this graph: {str(error)[:300]}") from error


def graph_fields(content: bytes) -> tuple[Field, ...]:
    """The fields that the graph alone tells: names, types, no ranges."""
    inputs = open_session(content).get_inputs()
    if len(inputs) == 1:
        type_ = _field_type(inputs[0].type)
        width = _width(inputs[0]) or 1
        names = [inputs[0].name] if width == 1 else [f"x{i}" for i in range(width)]
        return tuple(Field(name=name, type=type_) for name in names)
    return tuple(Field(name=one.name, type=_field_type(one.type)) for one in inputs)


def graph_outputs(
    content: bytes, fields: Sequence[Field], sample: Table, known: Array | None, name: str
) -> tuple[Output, ...]:
    """What the graph answers, found out by asking it.

    Args:
        known: the true target of the sample, for classes that the graph doesn't tell.
    """
    asked = Signature(fields=tuple(fields), outputs=(Output(name=name),))
    runtime = OnnxRuntime(content, asked)
    answers = runtime._session.run(None, runtime._feed(sample))  # noqa: SLF001 - this module's own
    return (_output(answers, known, name),)


def outputs_from(answers: Sequence[Any], signature: Signature) -> Outputs:
    """ONNX's answers as ours.

    Raises:
        ModelError: they fit no signature of ours.
    """
    output = signature.output
    if output.task != "classification":
        return Outputs(_flat(np.asarray(answers[0])))
    probabilities = _probabilities(answers, output.classes)
    labels = next((a for a in map(np.asarray, answers) if _is_label(a)), None)
    if labels is None:
        if probabilities is None:
            raise ModelError("the ONNX graph answers neither a label nor probabilities")
        classes = np.array(output.classes, dtype=object)
        return Outputs(classes[probabilities.argmax(axis=1)], probabilities)
    return Outputs(_as_labels(_flat(labels), output.classes), probabilities)


def _output(answers: Sequence[Any], known: Array | None, name: str) -> Output:
    maps = next((a for a in answers if isinstance(a, list) and a and isinstance(a[0], dict)), None)
    arrays = [np.asarray(a) for a in answers if not isinstance(a, list)]
    matrix = next(
        (a for a in arrays if a.dtype.kind == "f" and a.ndim == 2 and a.shape[1] > 1), None
    )
    labels = next((a for a in arrays if _is_label(a)), None)
    if maps is None and matrix is None and labels is None:
        return Output(name=name, task="regression")
    if maps is not None:
        classes: tuple[Label, ...] = tuple(maps[0])
    elif known is not None:
        classes = tuple(np.unique(known).tolist())
    elif labels is not None and matrix is None:
        classes = tuple(np.unique(labels).tolist())
    elif matrix is not None:
        classes = tuple(range(matrix.shape[1]))
    n_columns = len(classes) if matrix is None else matrix.shape[1]
    if len(classes) != n_columns:
        raise SetupError(
            f"the ONNX graph answers {n_columns} probabilities, but the target has "
            f"{len(classes)} classes: {', '.join(map(str, classes[:10]))}"
        )
    has_probabilities = maps is not None or matrix is not None
    return Output(
        name=name, task="classification", classes=classes, has_probabilities=has_probabilities
    )


def _probabilities(answers: Sequence[Any], classes: Sequence[Label]) -> Array | None:
    for answer in answers:
        if isinstance(answer, list) and answer and isinstance(answer[0], dict):
            return np.array([[row[label] for label in classes] for row in answer], np.float64)
        array = np.asarray(answer)
        if array.dtype.kind == "f" and array.ndim == 2 and array.shape[1] == len(classes):
            return array.astype(np.float64)
    return None


def _is_label(array: Array) -> bool:
    return array.dtype.kind in "iUOb" and (array.ndim == 1 or array.shape[1:] == (1,))


def _as_labels(labels: Array, classes: Sequence[Label]) -> Array:
    if classes and isinstance(classes[0], bool):
        return labels.astype(bool)
    return labels.astype(object) if labels.dtype.kind in "UO" else labels


def _flat(array: Array) -> Array:
    array = array.astype(np.float64) if array.dtype.kind == "f" else array
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _field_type(onnx_type: str) -> FieldType:
    kind = np.dtype(_NUMPY.get(onnx_type, np.float32)).kind
    types: dict[str, FieldType] = {"f": "float", "i": "integer", "u": "integer", "b": "boolean"}
    return types.get(kind, "text")


def _width(one: Any) -> int | None:
    return one.shape[1] if len(one.shape) > 1 and isinstance(one.shape[1], int) else None


def _numbers(column: Array) -> Array:
    if column.dtype.kind == "O":
        return np.array([np.nan if v is None else v for v in column], np.float64)
    return column.astype(np.float64) if column.dtype.kind != "i" else column


def _texts(column: Array) -> Array:
    cells = np.empty(len(column), object)
    cells[:] = ["" if v is None else str(v) for v in plain_values(column)]
    return cells
