"""What is to be packed: an estimator, an ONNX graph, or a function."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace as replace_of
from numpy.typing import NDArray

from podium.bundle.compilation import exported_compilation
from podium.bundle.model_file import load_model_file, taking_tables
from podium.bundle.model_part import (
    ModelPart,
    compiled_part,
    estimator_part,
    graph_part,
)
from podium.bundle.trust import parse_trust
from podium.bundle.truth import Truth
from podium.errors import SetupError
from podium.runtimes.onnx import graph_answers, graph_fields, matrix_of
from podium.runtimes.onnx_answers import described
from podium.runtimes.onnx_networks import described_network, exported, is_network
from podium.runtimes.protocol import Runtime
from podium.runtimes.python import FunctionModel, import_path_of
from podium.runtimes.signatures import SAMPLE_ROWS, signature_of
from podium.runtimes.sklearn import SklearnRuntime, describe
from podium.signature import Field, Range, Signature
from podium.signature.cells import Findings, check_columns
from podium.signature.infer import examples, infer_fields
from podium.table import Table, is_missing

# Verification compares on up to 500 rows of these, and on thousands that it makes of them.
COMPILE_ROWS = 2_000


@dataclass(frozen=True)
class Subject:
    """A model on its way into a bundle.

    Attributes:
        signature: as far as the model and its data tell.
        part: makes the bundle's model part, for a signature that a person may have corrected.
        live: the model as it is now, to compare with what was saved; None where that is the same.
        words: the model in a few words.
    """

    signature: Signature
    part: Callable[[Signature], ModelPart]
    live: Callable[[Signature], Runtime] | None = None
    words: str = ""
    title: str = ""
    description: str = ""


def subject_of(
    model: object,
    table: Table | None,
    truth: Truth | None,
    trust: str | Collection[str],
    signature: object,
    *,
    code: str | None = None,
    compiles: bool = True,
    keep_original: bool = False,
) -> Subject:
    """The subject that a model is.

    Args:
        code: what makes the network whose weights a file holds.
        compiles: try to make a program of an estimator.
        keep_original: put the estimator beside its program.
        signature: a whole Signature that stands in for the data, or anything else.

    Raises:
        SetupError: it is no model, or the rows are needed and missing.
    """
    given = signature if isinstance(signature, Signature) else None
    if isinstance(model, (str, Path)):
        allowed = [trust] if isinstance(trust, str) else trust
        model = load_model_file(Path(model), [parse_trust(one) for one in allowed], code)
        if isinstance(model, bytes):
            return _graph(model, table, truth, given)
    if isinstance(model, FunctionModel):
        return _function(model, table, given)
    if is_network(model):
        return _network(model, table, truth, given)
    model = taking_tables(model)
    subject = _estimator(model, table, truth, given)
    if not compiles or table is None:
        return subject
    return replace(subject, part=_compiling(model, _seen_by(model, table), keep_original))


def _estimator(
    estimator: Any, table: Table | None, truth: Truth | None, given: Signature | None
) -> Subject:
    if given is None:
        if table is None:
            raise _without_rows()
        given = _inferred(estimator, _seen_by(estimator, table), truth)
    signature = given
    return Subject(
        signature=signature,
        part=lambda corrected: estimator_part(estimator, corrected.frame),
        live=lambda corrected: SklearnRuntime(estimator, corrected),
        words=describe(estimator),
    )


def _compiling(
    estimator: Any, table: Table, keep_original: bool
) -> Callable[[Signature], ModelPart]:
    def part(signature: Signature) -> ModelPart:
        sample = _clean(signature, table.take(_spread(table.n_rows)))
        return compiled_part(estimator, signature, sample, keep_original=keep_original)

    return part


def _spread(n_rows: int) -> NDArray[np.intp]:
    """Up to COMPILE_ROWS rows, from the whole of the data."""
    return np.unique(np.linspace(0, n_rows - 1, COMPILE_ROWS).astype(np.intp))


def _inferred(estimator: Any, table: Table, truth: Truth | None) -> Signature:
    names, known = _targets(truth)
    return _with_seen_target(signature_of(estimator, table, names, known), truth)


def _seen_by(estimator: Any, table: Table) -> Table:
    """The columns that the estimator was fitted on, in its order.

    Raises:
        SetupError: some aren't there.
    """
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return table
    names = [str(name) for name in names]
    lacking = [name for name in names if name not in table.columns]
    if lacking:
        if table.frame == "numpy" and len(names) == len(table.names):
            columns = dict(zip(names, table.columns.values(), strict=True))
            dtypes = dict(zip(names, table.dtypes.values(), strict=True))
            return Table(columns, table.n_rows, dtypes, "pandas")
        raise SetupError(
            f"the model was fitted on a column {lacking[0]!r} that the data doesn't have",
            hint=f"it wants: {', '.join(names[:20])}",
        )
    return table.select(names)


def _graph(
    content: bytes,
    table: Table | None,
    truth: Truth | None,
    given: Signature | None,
    words: str = "ONNX graph",
) -> Subject:
    if given is None:
        if table is None:
            raise SetupError(
                "an ONNX graph doesn't tell the ranges and categories of its inputs",
                hint="give its training rows: podium pack model.onnx --data train.csv, with the "
                f"columns {', '.join(one.name for one in graph_fields(content)[:20])}",
            )
        given = _signature_of_graph(content, table, truth)

    def part(signature: Signature) -> ModelPart:
        return graph_part(content, signature, table)

    return Subject(signature=given, part=part, words=words)


def _network(
    network: Any, table: Table | None, truth: Truth | None, given: Signature | None
) -> Subject:
    if table is None:
        raise _without_rows()
    fields = infer_fields(table) if given is None else given.fields
    graph = exported(network, matrix_of(table, fields))
    subject = _graph(graph.content, table, truth, given, described_network(network))

    def part(signature: Signature) -> ModelPart:
        return replace_of(subject.part(signature), compilation=exported_compilation(graph))

    return replace(subject, part=part)


def _without_rows() -> SetupError:
    return SetupError(
        "X is missing: the signature comes from the rows that the model was fitted on",
        hint="podium.pack(model, X, y, name=...)",
    )


def _signature_of_graph(content: bytes, table: Table, truth: Truth | None) -> Signature:
    fields = infer_fields(table)
    names = truth.names if truth is not None else ()
    known = () if truth is None else tuple(c[~is_missing(c)] for c in truth.columns)
    answers = graph_answers(content, fields, table.take(slice(0, SAMPLE_ROWS)))
    outputs = described(answers, known, names)
    signature = Signature(fields=fields, outputs=outputs, examples=examples(table, fields))
    return _with_seen_target(signature, truth)


def _function(function: FunctionModel, table: Table | None, given: Signature | None) -> Subject:
    signature = given or function.signature
    if signature.names != function.signature.names:
        raise SetupError(
            f"the signature has the fields {', '.join(signature.names)[:200]}, the function takes "
            f"{', '.join(function.signature.names)[:200]}"
        )
    if table is not None and given is None:
        lacking = [name for name in signature.names if name not in table.columns]
        if lacking:
            raise SetupError(f"the function takes {lacking[0]!r}, which the data doesn't have")
        measured = {f.name: f for f in infer_fields(table.select(signature.names))}
        fields = tuple(_with_measured(f, measured[f.name]) for f in signature.fields)
        signature = Signature(
            fields=fields,
            outputs=signature.outputs,
            examples=examples(table, fields),
            frame=signature.frame,
        )
    path = import_path_of(function)
    return Subject(
        signature=signature,
        part=lambda _: ModelPart(runtime="python", files={}, options={"function": path}),
        words=f"Python function {path}",
        title=function.title,
        description=function.description,
    )


def _with_measured(declared: Field, measured: Field) -> Field:
    """What the annotations say, with the spread that the data shows."""
    values = {name: getattr(declared, name) for name in Field.__struct_fields__}
    if declared.type == measured.type or {declared.type, measured.type} == {"float", "integer"}:
        values |= {"seen": measured.seen, "quantiles": measured.quantiles}
    return Field(**values | {"missing_share": measured.missing_share})


def _targets(truth: Truth | None) -> tuple[tuple[str, ...], Any]:
    if truth is None:
        return (), None
    if not truth.columns:
        return truth.names, None
    return truth.names, truth.columns[0][truth.known]


def _with_seen_target(signature: Signature, truth: Truth | None) -> Signature:
    if truth is None or not truth.columns or len(signature.outputs) > 1:
        return signature
    column = truth.columns[0][~is_missing(truth.columns[0])]
    if signature.output.task != "regression" or column.dtype.kind not in "if" or not len(column):
        return signature
    output = signature.output
    seen = Range(float(column.min()), float(column.max()))
    return replace_of(signature, outputs=(replace_of(output, seen=seen),))


def _clean(signature: Signature, table: Table) -> Table:
    return check_columns(signature, table.columns, table.n_rows, "values", Findings(kept_max=0))
