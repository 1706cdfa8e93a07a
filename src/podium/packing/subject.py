"""What is packed: an estimator, an ONNX graph, a function, or files for a runtime."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace as replace_of

from podium.bundle.compilation import exported_compilation
from podium.bundle.libraries import extras_of, packages_of
from podium.bundle.model_part import (
    FOLDER,
    ModelPart,
    compiled_part,
    estimator_part,
    graph_part,
)
from podium.bundle.references import references_of_class, references_of_function
from podium.bundle.trust import parse_trust
from podium.errors import SetupError
from podium.packing import conformal, statistical
from podium.packing.boosters import Booster, Rounds, only_orders, taking_tables
from podium.packing.columns import fitted_columns, selected
from podium.packing.model_file import load_model_file
from podium.packing.owner import ROWS, Owner, clean, spread
from podium.packing.recast import read_again, recast
from podium.packing.truth import Truth
from podium.runtimes.bounds import BoundedModel, has_bounds
from podium.runtimes.lifetimes import LifetimeModel, is_lifetimes
from podium.runtimes.onnx import graph_fields, graph_outputs, matrix_of
from podium.runtimes.onnx_networks import described_network, exported, is_network
from podium.runtimes.onnx_outputs import described
from podium.runtimes.python import FunctionModel, import_path_of
from podium.runtimes.signatures import SAMPLE_ROWS, signature_of
from podium.runtimes.sklearn import describe
from podium.runtimes.survival import SurvivalAt
from podium.runtimes.together import Together
from podium.signature import Field, Range, Signature
from podium.signature.infer import examples, infer_fields
from podium.signature.units import with_units
from podium.table import Table, is_missing


@dataclass(frozen=True)
class Subject:
    """A model on its way into a bundle.

    Attributes:
        signature: as far as the model and its data define it.
        table: the given rows, with the columns that the model takes.
        part: creates the bundle's model part, for a signature that may have been corrected.
        original: creates it from the model itself, if `part` may convert it.
        owner: what the part's predictions are compared with; None if they already were.
        words: the model in a few words.
        notes: the choices that were made, in sentences.
        unmeasured: why no error of its predictions can be measured; empty if it can.
    """

    signature: Signature
    table: Table | None
    part: Callable[[Signature], ModelPart]
    original: Callable[[Signature], ModelPart] | None = None
    owner: Owner | None = None
    words: str = ""
    title: str = ""
    description: str = ""
    notes: tuple[str, ...] = ()
    unmeasured: str = ""


def subject_of(
    model: object,
    rows: object,
    table: Table | None,
    truth: Truth | None,
    trust: str | Collection[str],
    signature: object,
    *,
    code: str | None = None,
    compiles: bool = True,
    keep_original: bool = False,
    rounds: Rounds = None,
    intervals: float | None = None,
) -> Subject:
    """The subject for a model.

    Args:
        rows: that it was fitted on, as they were passed; or None.
        table: the same, read: a frame of thousands of columns is read for half a second.
        code: creates the network whose weights a file contains.
        compiles: whether to compile an estimator to a program.
        keep_original: whether to pack the estimator beside its program, too.
        signature: a whole Signature, which replaces the data, or anything else.
        rounds: how many rounds of a booster are used.

    Raises:
        SetupError: it isn't a model, or the rows are needed and missing.
    """
    declared = signature if isinstance(signature, Signature) else None
    if isinstance(model, (str, Path)):
        allowed = [trust] if isinstance(trust, str) else trust
        model = load_model_file(Path(model), [parse_trust(one) for one in allowed], code)
        if isinstance(model, bytes):
            return _graph(model, table, truth, declared)
    if isinstance(model, FunctionModel):
        return _function(model, table, declared)
    if isinstance(model, ModelPart):
        return _files(model, table, declared)
    if is_network(model):
        return _network(model, table, truth, declared)
    taking = _taking(model, rows, rounds, intervals)
    subject = _estimator(model, rows, table, truth, declared, taking)
    if not compiles or subject.owner is None:
        return subject
    part = _compiling(subject.owner, keep_original)
    return replace(subject, part=part, original=subject.part)


def _taking(model: Any, rows: object, rounds: Rounds, intervals: float | None) -> Booster:
    """The model, or several by name, as one that takes tables."""
    if isinstance(model, Mapping):
        each = {name: _taking(one, rows, rounds, intervals) for name, one in model.items()}
        notes = tuple(f"{name}: {note}" for name, one in each.items() for note in one.notes)
        return Booster(Together({name: one.model for name, one in each.items()}), notes, True)
    if rows is not None and statistical.is_statistical(model) and rounds is None:
        return statistical.predicting(model, intervals)
    if rows is not None and conformal.is_conformal(model) and rounds is None:
        return conformal.predicting(model, rows, intervals)
    if intervals is not None and has_bounds(model) and rounds is None:
        statistical.require_share(intervals)
        return Booster(BoundedModel(model, intervals), is_changed=True)
    if is_lifetimes(model) and rounds is None and intervals is None:
        return Booster(LifetimeModel(model), is_changed=True)
    if intervals is not None:
        raise SetupError(
            f"{type(model).__name__} has no intervals",
            hint="intervals applies to models of statsmodels and MAPIE, linear GAMs of pygam and "
            "regressors of ngboost: leave it out",
        )
    return taking_tables(model, rounds)


def _estimator(
    model: Any,
    rows: object,
    given: Table | None,
    truth: Truth | None,
    declared: Signature | None,
    taking: Booster,
) -> Subject:
    estimator, owner = taking.model, None
    if given is not None:
        table = recast(estimator, _select(estimator, given))
        # If it was changed on request, the changed model is the reference.
        serving = estimator if taking.is_changed else model
        owner = Owner(serving, estimator, rows, table)
        declared = _inferred(estimator, table, truth) if declared is None else declared
    if declared is None:
        raise _without_rows()
    return Subject(
        signature=declared,
        table=None if owner is None else owner.table,
        part=lambda corrected: estimator_part(estimator, corrected.frame),
        owner=owner,
        words=describe(estimator),
        notes=taking.notes,
        unmeasured=_unmeasured(estimator),
    )


def _unmeasured(estimator: Any) -> str:
    """Why no error of its predictions can be measured; empty if it can."""
    if only_orders(estimator):
        return "its predictions rank rows and aren't values of the target"
    if isinstance(estimator, (LifetimeModel, SurvivalAt)):
        return "a lifetime that was censored has no true value to compare with"
    return ""


def _select(estimator: Any, table: Table) -> Table:
    n_columns = getattr(estimator, "n_features_in_", None)
    return selected(fitted_columns(estimator), table, n_columns)


def _compiling(owner: Owner, keep_original: bool) -> Callable[[Signature], ModelPart]:
    def part(signature: Signature) -> ModelPart:
        sample = clean(signature, owner.table.take(spread(owner.table.n_rows, ROWS)))
        return compiled_part(owner.estimator, signature, sample, keep_original=keep_original)

    return part


def _inferred(estimator: Any, table: Table, truth: Truth | None) -> Signature:
    from podium.compile import unchanged  # a server never needs it

    names, labels = _targets(truth)
    with unchanged(estimator):
        signature = signature_of(estimator, table, names, labels)
    return with_units(_with_target_range(signature, truth))


def _graph(
    content: bytes,
    table: Table | None,
    truth: Truth | None,
    declared: Signature | None,
    words: str = "ONNX graph",
) -> Subject:
    if declared is None:
        if table is None:
            raise SetupError(
                "an ONNX graph doesn't declare the ranges and categories of its inputs",
                hint="pass its training rows: podium pack model.onnx --data train.csv, with the "
                f"columns {', '.join(one.name for one in graph_fields(content)[:20])}",
            )
        declared = _signature_of_graph(content, table, truth)

    def part(signature: Signature) -> ModelPart:
        return graph_part(content, signature, table)

    return Subject(signature=declared, table=table, part=part, words=words)


def _files(files: ModelPart, table: Table | None, declared: Signature | None) -> Subject:
    """A model for a runtime, which may be another package's."""
    if declared is None:
        raise SetupError(
            f"a model for the runtime {files.runtime!r} needs a signature",
            hint="podium.pack(part, X, signature=Signature(fields=..., outputs=...), name=...)",
        )
    requires = tuple(dict.fromkeys([*files.requires, *extras_of(files.modules)]))
    options = {"packages": packages_of(files.modules)} | files.options
    placed = {FOLDER + name: content for name, content in files.files.items()}
    return Subject(
        signature=declared,
        table=table,
        part=lambda _: replace_of(files, files=placed, options=options, requires=requires),
        words=f"model for the runtime {files.runtime}",
    )


def _network(
    network: Any, table: Table | None, truth: Truth | None, declared: Signature | None
) -> Subject:
    if table is None:
        raise _without_rows()
    fields = infer_fields(table) if declared is None else declared.fields
    graph = exported(network, matrix_of(table, fields))
    subject = _graph(graph.content, table, truth, declared, described_network(network))

    def part(signature: Signature) -> ModelPart:
        part = subject.part(signature)
        modules = part.modules + references_of_class(type(network)).modules
        return replace_of(part, compilation=exported_compilation(graph), modules=modules)

    return replace(subject, part=part)


def _without_rows() -> SetupError:
    return SetupError(
        "X is missing: the signature is inferred from the training rows",
        hint="podium.pack(model, X, y, name=...)",
    )


def _signature_of_graph(content: bytes, table: Table, truth: Truth | None) -> Signature:
    fields = infer_fields(table)
    names = truth.names if truth is not None else ()
    targets = () if truth is None else tuple(c[~is_missing(c)] for c in truth.columns)
    tensors = graph_outputs(content, fields, table.take(slice(0, SAMPLE_ROWS)))
    outputs = described(tensors, targets, names)
    signature = Signature(fields=fields, outputs=outputs, examples=examples(table, fields))
    return with_units(_with_target_range(signature, truth))


def _function(function: FunctionModel, table: Table | None, declared: Signature | None) -> Subject:
    signature = declared or function.signature
    if signature.names != function.signature.names:
        raise SetupError(
            f"the signature has the fields {', '.join(signature.names)[:200]}, the function takes "
            f"{', '.join(function.signature.names)[:200]}"
        )
    if table is not None and declared is None:
        lacking = [name for name in signature.names if name not in table.columns]
        if lacking:
            raise SetupError(f"the function takes {lacking[0]!r}, which the data doesn't have")
        table = read_again(table, signature.fields)
        measured = {f.name: f for f in infer_fields(table.select(signature.names))}
        fields = tuple(_with_measured(f, measured[f.name]) for f in signature.fields)
        signature = Signature(
            fields=fields,
            outputs=signature.outputs,
            examples=examples(table, fields),
            frame=signature.frame,
        )
    path = import_path_of(function)
    modules = references_of_function(function.__wrapped__).modules
    return Subject(
        signature=signature,
        table=table,
        part=lambda _: ModelPart(
            runtime="python", files={}, options={"function": path}, modules=modules
        ),
        words=f"Python function {path}",
        title=function.title,
        description=function.description,
    )


def _with_measured(declared: Field, measured: Field) -> Field:
    """The declared fields, with the distribution measured in the data."""
    values = {name: getattr(declared, name) for name in Field.__struct_fields__}
    if declared.type == measured.type or {declared.type, measured.type} == {"float", "integer"}:
        values |= {"seen": measured.seen, "quantiles": measured.quantiles}
    return Field(**values | {"missing_share": measured.missing_share})


def _targets(truth: Truth | None) -> tuple[tuple[str, ...], Any]:
    if truth is None:
        return (), None
    if not truth.columns:
        return truth.names, None
    return truth.names, truth.columns[0][truth.labelled]


def _with_target_range(signature: Signature, truth: Truth | None) -> Signature:
    if truth is None or not truth.columns or len(signature.outputs) > 1:
        return signature
    column = truth.columns[0][~is_missing(truth.columns[0])]
    if signature.output.task != "regression" or column.dtype.kind not in "if" or not len(column):
        return signature
    output = signature.output
    column = column[np.isfinite(column)]
    if not len(column):
        return signature
    target_range = Range(float(column.min()), float(column.max()))
    return replace_of(signature, outputs=(replace_of(output, seen=target_range),))
