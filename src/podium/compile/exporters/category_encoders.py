"""Encoders of the package category_encoders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from podium.compile.builder import FOREIGN, Builder
from podium.compile.exporters.probed import Probe, Transform, encode, probed
from podium.compile.features import Column, Computed, Features, Input, NotCompiled
from podium.compile.labels import label_of
from podium.compile.registers import Codes, is_closed
from podium.program.arrays import Floats
from podium.program.operations import (
    Analysis,
    Digest,
    Elementwise,
    FillText,
    MeasureText,
    Terms,
    Total,
)
from podium.program.operations.reading.digest import METHODS, place_of
from podium.signature import Label
from podium.signature.infer import UNSEEN
from podium.table import OBJECT_WITH_NAN


def encoder(estimator: Any, build: Builder, x: Features) -> Features:
    """Whatever the encoder makes of each cell: options and releases differ in too many details."""
    fitted = _fitted(estimator)
    names, cols = list(fitted.feature_names_in_), list(fitted.cols)
    _check(fitted, names, x)
    columns = dict(zip(names, x, strict=True))
    if not cols:
        return x
    known = _known(estimator)
    probes = [_probe(build, name, columns[name], known.get(name, ())) for name in cols]
    result = _names_out(estimator, fitted, probes)
    through = {name for name in names if name not in cols}
    places = [place for place, name in enumerate(result) if name not in through]
    transform = _transform(estimator, fitted, places)
    made = encode(build, tuple(columns[n] for n in cols), probed(transform, probes, places))
    return tuple(
        columns[name] if name in through else made[place] for place, name in enumerate(result)
    )


def _check(fitted: Any, names: Sequence[Any], x: Features) -> None:
    if len(x) != len(names):
        raise NotCompiled(f"it was fitted on {len(names)} columns, but gets {len(x)}")
    if getattr(fitted, "composite_members_", None):
        raise NotCompiled(
            "it joins several columns to one (composite_cols); a column that holds both compiles"
        )
    for option in ("handle_unknown", "handle_missing"):
        if callable(getattr(fitted, option, None)):
            raise NotCompiled(f"its {option} is code, not data; a number or a word compiles")


def _fitted(estimator: Any) -> Any:
    """The encoder that stores the columns: the first one inside a wrapper."""
    if hasattr(estimator, "feature_encoder") and not hasattr(estimator, "feature_encoders"):
        return _fitted(estimator.feature_encoder)  # fitted on all rows, after nested folds
    if hasattr(estimator, "feature_dtypes_in_"):
        return estimator
    if getattr(estimator, "encoder_list", None):  # one for each quantile
        return estimator.encoder_list[0]
    several = getattr(estimator, "feature_encoders", None)  # one for each class
    return next(iter(several.values())) if several else estimator


def known_categories(estimator: Any) -> dict[int, tuple[Label, ...]]:
    """The categories that a fitted encoder knows, by the position of their column."""
    try:
        fitted = _fitted(estimator)
        names = list(fitted.feature_names_in_)
        return {names.index(name): tuple(labels) for name, labels in _known(fitted).items()}
    except (*FOREIGN, NotCompiled):  # it isn't fitted, or is of an unknown kind
        return {}


def _known(estimator: Any) -> dict[Any, list[Label]]:
    """The categories that it was fitted on, by column."""
    known: dict[Any, list[Label]] = {}
    for name, values in _mappings(_fitted(estimator)):
        labels = [label for label in map(label_of, values) if label is not None]
        known.setdefault(name, []).extend(labels)
    return known


def _mappings(fitted: Any) -> Iterator[tuple[Any, Any]]:
    """Columns, and categories that are known of them."""
    ordinal = getattr(fitted, "ordinal_encoder", None)
    if type(fitted).__name__ == "HashingEncoder":
        yield from ((name, ()) for name in fitted.cols)
        return
    mapping = fitted.mapping if ordinal is None else ordinal.mapping
    if isinstance(mapping, Mapping):
        yield from ((name, table.index) for name, table in mapping.items())
    else:
        yield from ((one["col"], one["mapping"].index) for one in mapping)
    for rare in ("min_group_lumping_", "_min_group_categories"):
        yield from getattr(fitted, rare, {}).items()


def _probe(build: Builder, name: Any, column: Column, known: Sequence[Label]) -> Probe:
    labels = list(known)
    missing: Any = None
    if isinstance(column, Input):
        field = build.field(column)
        labels += (True, False) if field.type == "boolean" else field.labels
        missing = np.nan if field.dtype == OBJECT_WITH_NAN else None
    labels = list(dict.fromkeys(labels))
    if labels and all(type(label) in (int, float) for label in labels):
        missing = np.nan  # as a table has numbers, whatever the type of the frame's column
    return Probe(name=name, labels=tuple(labels), missing=missing, unknown=_unseen(labels))


def _unseen(labels: Sequence[Label]) -> Label:
    numbers = [label for label in labels if isinstance(label, (int, float))]
    return max(numbers) + 1 if numbers and len(numbers) == len(labels) else UNSEEN


def _names_out(estimator: Any, fitted: Any, probes: Sequence[Probe]) -> list[Any]:
    cells = {p.name: list(p.labels[:1] or (p.missing,)) for p in probes}
    names = list(_frame_out(estimator, fitted, cells).columns)
    if len(set(names)) != len(names):
        raise NotCompiled("two columns of its result have the same name")
    return names


def _transform(estimator: Any, fitted: Any, places: Sequence[int]) -> Transform:
    def transform(cells: Mapping[Any, Sequence[Any]]) -> Floats:
        frame = _frame_out(estimator, fitted, cells)
        return np.asarray(frame.iloc[:, list(places)].to_numpy(np.float64))

    return transform


def _frame_out(estimator: Any, fitted: Any, cells: Mapping[Any, Sequence[Any]]) -> Any:
    """What it makes of a frame with these cells; columns that it passes through are empty."""
    import pandas as pd

    n_rows = len(next(iter(cells.values())))
    columns = {
        name: _series(cells[name], dtype)
        if name in cells
        else pd.Series([None] * n_rows, dtype=object)
        for name, dtype in zip(fitted.feature_names_in_, fitted.feature_dtypes_in_, strict=True)
    }
    frame = pd.DataFrame(columns)
    takes_override = hasattr(estimator, "return_df")
    if takes_override:
        return estimator.transform(frame, override_return_df=True)
    return estimator.transform(frame)


def _series(cells: Sequence[Any], dtype: Any) -> Any:
    """Cells as a column of the type in training; gaps in numpy's numbers make them floats."""
    import pandas as pd

    if isinstance(dtype, pd.CategoricalDtype):
        # Others would be missing in the original's frame, too.
        known = set(dtype.categories)
        return pd.Series([cell if cell in known else None for cell in cells], dtype=dtype)
    is_gap = [cell is None or cell != cell for cell in cells]
    if isinstance(dtype, np.dtype) and dtype.kind != "O" and any(is_gap):
        return pd.Series(cells, dtype=object if dtype.kind == "b" else np.float64)
    return pd.Series(list(cells), dtype=dtype)


def nested(estimator: Any, build: Builder, x: Features) -> Features:
    """The encoder that was fitted on all rows."""
    return build.transform(estimator.feature_encoder, x, "encoder")


def hashing_encoder(estimator: Any, build: Builder, x: Features) -> Features:
    """How many of a row's cells have each hash, then the other columns."""
    names, cols = list(estimator.feature_names_in_), list(estimator.cols)
    _check(estimator, names, x)
    if not cols:
        return x
    if estimator.min_group_lumping_:
        raise NotCompiled("it joins rare categories before it hashes them (min_group_size)")
    if estimator.hash_method not in METHODS:
        raise NotCompiled(f"hashes by {estimator.hash_method} aren't supported")
    columns = dict(zip(names, x, strict=True))
    width, method = int(estimator.n_components), estimator.hash_method
    parts = [_hashed(build, columns[name], width, method) for name in cols]
    counts = parts[0] if len(parts) == 1 else build.add(Total(tuple(parts)))
    invariant = set(estimator.invariant_cols)
    kept = [i for i in range(width) if f"col_{i}" not in invariant]
    rest = tuple(columns[name] for name in names if name not in cols)
    return tuple(Computed(counts, i) for i in kept) + rest


def _hashed(build: Builder, column: Column, width: int, method: str) -> int:
    """Ones at the hash of a column's cells."""
    numbers = "it hashes numbers, whose texts depend on the type of their column; hash texts"
    if not isinstance(column, Input):
        raise NotCompiled(numbers)
    field = build.field(column)
    is_words = all(isinstance(label, str) for label in field.labels)
    if field.type not in ("category", "text") or not is_words:
        raise NotCompiled(numbers)
    missing = _text_of_missing(field.dtype)
    place = -1 if missing is None else place_of(missing, width, method)
    if column.fill is not None:
        raise NotCompiled("it hashes a column that another step has filled")
    if is_closed(field):
        of = {label: float(place_of(str(label), width, method)) for label in field.labels}
        return build.one_hot((column,), [Codes(of, float(place))], [width])
    return build.add(Digest(column.column, width, method, place))


def _text_of_missing(dtype: str) -> str | None:
    """What a missing cell is hashed as; None if it isn't."""
    if dtype == "object":
        return None
    return "<NA>" if dtype.startswith("string") else "nan"


def multi_hot_encoder(estimator: Any, build: Builder, x: Features) -> Features:
    """A one for each item in a list of items that is written as a text."""
    names = list(estimator.feature_names_in_)
    _check(estimator, names, x)
    if estimator.handle_unknown != "value" or estimator.handle_missing == "return_nan":
        raise NotCompiled(
            "only handle_unknown='value' compiles, and no handle_missing='return_nan'"
        )
    columns = dict(zip(names, x, strict=True))
    found: dict[Any, Features] = {name: (column,) for name, column in columns.items()}
    for one in estimator.mapping:
        found[one["col"]] = _items(estimator, build, columns[one["col"]], one)
    kept = set(estimator.get_feature_names_out())
    result = [pair for name in names for pair in _named(estimator, name, found[name])]
    return tuple(column for name, column in result if name in kept)


def _named(estimator: Any, name: Any, columns: Features) -> Iterator[tuple[Any, Column]]:
    own = next((one["columns"] for one in estimator.mapping if one["col"] == name), [name])
    return zip(own, columns, strict=True)


def _items(estimator: Any, build: Builder, column: Column, mapping: Any) -> Features:
    """The columns of one column, in their order."""
    field = build.field(column) if isinstance(column, Input) else None
    if field is None or not (field.type == "text" or field.label_types == {str}):
        raise NotCompiled("it takes items from something else than a column of texts")
    if estimator.handle_missing == "error" and field.missing != "refuse":
        raise NotCompiled("it refuses missing values (handle_missing='error')")
    texts = build.texts(column)
    places = mapping["item_pos"]
    analysis = Analysis(is_lowered=False, separator=estimator.delimiter, is_stripped=True)
    full = build.add(FillText(texts, ""))
    terms = Terms(0, analysis, tuple(places), is_binary=True, x=full)
    made = dict(zip(places.values(), build.features(build.add(terms)), strict=True))
    for place in (mapping["nan_value_pos"], mapping["missing_pos"]):
        if place is not None:
            length = build.add(MeasureText(texts, "len", missing=-1.0))
            is_missing = Elementwise((length,), "less", (0, -1), np.zeros((1, 1)))
            made[place] = Computed(build.add(is_missing), 0)
    return tuple(made[place] for place in range(len(mapping["columns"])))


TRANSFORMERS = {
    f"category_encoders.{name}": encoder
    for name in (
        "BackwardDifferenceEncoder",
        "BaseNEncoder",
        "BinaryEncoder",
        "CatBoostEncoder",
        "CountEncoder",
        "CountTargetEncoder",
        "GLMMEncoder",
        "GrayEncoder",
        "HelmertEncoder",
        "JamesSteinEncoder",
        "LeaveOneOutEncoder",
        "MEstimateEncoder",
        "OneHotEncoder",
        "OrdinalEncoder",
        "PolynomialEncoder",
        "PolynomialWrapper",
        "QuantileEncoder",
        "RankHotEncoder",
        "SumEncoder",
        "SummaryEncoder",
        "TargetEncoder",
        "WOEEncoder",
    )
} | {
    "category_encoders.HashingEncoder": hashing_encoder,
    "category_encoders.MultiHotEncoder": multi_hot_encoder,
    "category_encoders.NestedCVWrapper": nested,
}
