"""What each server wants to be asked, and how it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Format:
    """Bodies of requests and of answers.

    Attributes:
        one: the body that asks one row.
        many: the body that asks many.
        read: the predictions in an answer.
    """

    one: Callable[[dict[str, Any]], Any]
    many: Callable[[Columns], Any]
    read: Callable[[Any], list[float]]

    def encode_one(self, row: dict[str, Any]) -> bytes:
        """The request for one row, in a line."""
        return _line(self.one(row))

    def encode_many(self, columns: Columns) -> bytes:
        """The request for many rows, in a line."""
        return _line(self.many(columns))

    def decode(self, body: bytes) -> list[float]:
        """The predictions, one a row."""
        return self.read(json.loads(body))


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _records(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _prediction(answer: Any) -> list[float]:
    """`prediction` for one row, `predictions` for many."""
    return answer["predictions"] if "predictions" in answer else [answer["prediction"]]


def _tensors(columns: Columns) -> dict[str, Any]:
    def tensor(name: str, cells: list[Any]) -> dict[str, Any]:
        kind = "BYTES" if isinstance(cells[0], str) else "FP64"
        return {"name": name, "shape": [len(cells), 1], "datatype": kind, "data": cells}

    inputs = [tensor(name, cells) for name, cells in columns.items()]
    return {"parameters": {"content_type": "pd"}, "inputs": inputs}


def _split(columns: Columns) -> dict[str, Any]:
    rows = [list(cells) for cells in zip(*columns.values(), strict=True)]
    return {"dataframe_split": {"columns": list(columns), "data": rows}}


def _as_columns(row: dict[str, Any]) -> Columns:
    return {name: [cell] for name, cell in row.items()}


# An object for one row, columns for many: Podium's own.
OBJECT = Format(lambda row: row, lambda columns: columns, _prediction)
# A list of rows, or columns: both are what `pandas.DataFrame(body)` takes; the faster one for many.
FRAME = Format(lambda row: [row], lambda columns: columns, _prediction)
# A list of rows under a name, which is how BentoML takes a frame; the answer is a bare list.
ROWS = Format(
    lambda row: {"rows": [row]},
    lambda columns: {"rows": _records(columns)},
    lambda answer: answer,
)
# The Open Inference Protocol, as MLServer's codec for pandas takes it.
TENSORS = Format(
    lambda row: _tensors(_as_columns(row)),
    _tensors,
    lambda answer: answer["outputs"][0]["data"],
)
# MLflow's scoring server.
SPLIT = Format(lambda row: _split(_as_columns(row)), _split, lambda answer: answer["predictions"])
