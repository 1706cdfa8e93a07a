"""From a model's outputs to tensors.

| tensor                  | datatype                | shape  | there is one             |
|-------------------------|-------------------------|--------|--------------------------|
| `prediction`            | FP64; that of the label | [n, 1] | always                   |
| `label`                 | BYTES                   | [n, 1] | if labels have words     |
| `probabilities`         | FP64                    | [n, k] | for each of k classes    |
| `score`                 | FP64                    | [n, 1] | if the model has scores  |
| `id`                    | BYTES                   | [n, 1] | if predictions are kept  |

Where a model has several outputs, `prediction` and `probabilities` have the output's name behind an
underscore: `prediction_price`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from podium.errors import MalformedBody
from podium.flow.answer import labels_of
from podium.flow.format import ResponseData
from podium.protocols.oip.tensors import BYTES, DTYPES, Tensor
from podium.signature import Field, Output, Signature
from podium.signature.cells import printable
from podium.signature.labels import label_text
from podium.table import Array, plain_values

ID = "id"
_OF_FIELDS = {"float": "FP64", "integer": "INT64", "boolean": "BOOL"}
_OF_TASKS = {"regression": "FP64", "clustering": "INT64", "anomaly": "INT64"}
_OF_LABELS: dict[frozenset[object], str] = {
    frozenset({int}): "INT64",
    frozenset({bool}): "BOOL",
    frozenset({float}): "FP64",
    frozenset({int, float}): "FP64",
}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor that a model takes or returns, for any number of rows.

    Attributes:
        width: the number of its columns.
    """

    name: str
    datatype: str
    width: int = 1

    @property
    def shape(self) -> list[int]:
        """The shape, with -1 for the number of rows."""
        return [-1, self.width]


def input_specs(signature: Signature) -> list[TensorSpec]:
    """A tensor for each field."""
    return [TensorSpec(one.name, _datatype_of_field(one)) for one in signature.fields]


def output_specs(signature: Signature, *, has_ids: bool) -> list[TensorSpec]:
    """The tensors that a model returns, in their order.

    Args:
        has_ids: whether predictions are recorded.
    """
    found = [
        TensorSpec(_named(signature, "prediction", one), datatype_of(one))
        for one in signature.outputs
    ]
    if len(signature.outputs) == 1 and signature.output.words:
        found.append(TensorSpec("label", BYTES))
    for one in signature.outputs:
        if one.has_probabilities:
            name = _named(signature, "probabilities", one)
            found.append(TensorSpec(name, "FP64", len(one.classes)))
    if signature.output.score:
        found.append(TensorSpec("score", "FP64"))
    if labels := signature.output.distance_labels:
        found.append(TensorSpec("distances", "FP64", len(labels)))
    return [*found, TensorSpec(ID, BYTES)] if has_ids else found


def check_wanted(signature: Signature, model: str, wanted: Collection[str]) -> None:
    """Refuse outputs that the model doesn't have.

    Raises:
        MalformedBody: there is one.
    """
    if not wanted:
        return
    known = {one.name for one in output_specs(signature, has_ids=True)}
    for name in wanted:
        if name not in known:
            raise MalformedBody(
                f"unexpected inference output '{printable(name)}' for model '{model}'",
                hint=f"known: {', '.join(sorted(known)[:20])}",
            )


def output_tensors(data: ResponseData, wanted: Sequence[str] = ()) -> list[Tensor]:
    """The tensors of a response.

    Args:
        wanted: their names, which `check_wanted` accepts; all of them when empty.
    """
    found = {one.name: one for one in _tensors(data)}
    if not wanted:
        return list(found.values())
    if ID in wanted and ID not in found:
        n_rows = len(data.outputs)
        found[ID] = Tensor(ID, BYTES, (n_rows, 1), [""] * n_rows)
    return [found[name] for name in dict.fromkeys(wanted) if name in found]


def datatype_of(output: Output) -> str:
    """The datatype of an output's predictions."""
    if output.classes:
        return _OF_LABELS.get(frozenset(map(type, output.classes)), BYTES)
    return _OF_TASKS.get(output.task, BYTES)


def _datatype_of_field(one: Field) -> str:
    if one.type == "category":
        return _OF_LABELS.get(one.label_types, BYTES)
    return _OF_FIELDS.get(one.type, BYTES)


def _named(signature: Signature, key: str, output: Output) -> str:
    return key if len(signature.outputs) == 1 else f"{key}_{output.name}"


def _tensors(data: ResponseData) -> Iterator[Tensor]:
    signature, outputs, n_rows = data.signature, data.outputs, len(data.outputs)
    is_single = len(signature.outputs) == 1
    for place, one in enumerate(signature.outputs):
        column = outputs.predictions if is_single else outputs.predictions[:, place]
        datatype = datatype_of(one)
        name = _named(signature, "prediction", one)
        yield Tensor(name, datatype, (n_rows, 1), _cells(column, datatype))
    labels = labels_of(signature.output, outputs) if is_single else None
    if labels is not None:
        yield Tensor("label", BYTES, (n_rows, 1), labels)
    if outputs.probabilities is not None:
        for place, one in enumerate(signature.outputs):
            columns = signature.probabilities_of(place)
            if columns is not None:
                shares = outputs.probabilities[:, columns]
                name = _named(signature, "probabilities", one)
                yield Tensor(name, "FP64", shares.shape, shares.ravel())
    if outputs.scores is not None:
        yield Tensor("score", "FP64", (n_rows, 1), outputs.scores)
    if outputs.distances is not None:
        yield Tensor("distances", "FP64", outputs.distances.shape, outputs.distances.ravel())
    if data.ids:
        yield Tensor(ID, BYTES, (n_rows, 1), data.ids)


def _cells(column: Array, datatype: str) -> Sequence[object] | Array:
    if datatype != BYTES:
        return np.asarray(column, DTYPES[datatype])
    return [prediction_text(one) for one in plain_values(column)]


def prediction_text(value: Any) -> str:
    """A prediction as a text: a label as it is, anything else as JSON."""
    if isinstance(value, (str, bool)):
        return label_text(value)
    return msgspec.json.encode(value).decode()
