"""How the columns of a table pass through the steps of a model: to which parts, and what leaves them.

Known are the steps of scikit-learn, feature_engine, skrub, scikit-lego, mlxtend and category_encoders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from podium.runtimes.steps import steps_of
from podium.signature import Label


class Column(NamedTuple):
    """A column of the table on its way through the steps, its values unchanged but for some.

    Attributes:
        made: values that a step put in place of others, such as the name for rare categories.
    """

    name: str
    made: tuple[Label, ...] = ()


# In the order of a step; None is one that an earlier step created.
Columns: TypeAlias = Sequence[Column | None]
_Parts: TypeAlias = Iterator[tuple[Any, Columns]]

# feature_engine's packages whose transformers replace the values of their columns.
_REPLACING = ("discretisation", "encoding", "outliers", "scaling", "transformation")
# skrub's transformers of one column that leave its values as they are, or spell them otherwise.
_KEEPING = (
    "CleanCategories",
    "CleanNullStrings",
    "DropUninformative",
    "PassThrough",
    "ToCategorical",
    "ToStr",
)


def library_of(estimator: Any) -> str:
    """The top package of its class."""
    return type(estimator).__module__.partition(".")[0]


def sequence_of(estimator: Any) -> list[Any]:
    """The steps that follow each other inside it; none if it has no such steps."""
    if steps := steps_of(estimator):
        return [step for _, step in steps]
    inner = getattr(estimator, "_pipeline", None)  # skrub's TableVectorizer and Cleaner
    return [step for _, step in steps_of(inner)] if library_of(estimator) == "skrub" else []


def parts_of(step: Any, columns: Columns) -> _Parts:
    """The steps side by side inside one, and the columns of each, as far as they keep something."""
    if hasattr(step, "_transformer_to_input_indices"):
        yield from _parts_of_column_transformer(step, columns)
    elif isinstance(getattr(step, "transformer_list", None), list):
        yield from ((inner, columns) for _, inner in step.transformer_list)
    elif library_of(step) == "skrub":
        yield from _parts_of_skrub(_inside(step), columns)
    elif type(step).__name__ == "SklearnTransformerWrapper" and hasattr(step, "transformer_"):
        by_name = _by_name(step, columns)
        yield step.transformer_, [by_name.get(name) for name in step.variables_]


def _parts_of_column_transformer(step: Any, columns: Columns) -> _Parts:
    indices = step._transformer_to_input_indices  # noqa: SLF001 - resolved columns
    for name, inner, _ in step.transformers_:
        at = [int(i) for i in indices.get(name, [])]
        if at and max(at) < len(columns) and not (isinstance(inner, str) and inner == "drop"):
            yield inner, [columns[i] for i in at]


def _parts_of_skrub(step: Any, columns: Columns) -> _Parts:
    by_name = _by_name(step, columns)
    if hasattr(step, "transformers_"):  # one for each column
        yield from ((inner, [by_name.get(name)]) for name, inner in step.transformers_.items())
    elif getattr(step, "transformer_", None) is not None:
        yield step.transformer_, [by_name.get(name) for name in step.used_inputs_]


def _inside(step: Any) -> Any:
    """What skrub's ApplyToCols applies: to each column by itself, or to some of them together."""
    return getattr(step, "_wrapped_transformer", step)


def _by_name(step: Any, columns: Columns) -> dict[Any, Column | None]:
    """The columns as a step names them; none if it was fitted on others."""
    names = list(getattr(step, "feature_names_in_", ()))
    return dict(zip(names, columns, strict=True)) if len(names) == len(columns) else {}


def after(step: Any, columns: Columns) -> Columns:
    """The columns that leave a step, as far as they are unchanged; none if it can't be said."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return columns
    if steps := sequence_of(step):
        for one in steps:
            columns = after(one, columns)
        return columns
    if hasattr(step, "_transformer_to_input_indices"):
        return _after_column_transformer(step, columns)
    known = _AFTER.get(library_of(step))
    return known(step, columns) if known is not None else []


def _after_column_transformer(step: Any, columns: Columns) -> Columns:
    indices = step._transformer_to_input_indices  # noqa: SLF001 - resolved columns
    placed: dict[int, Column | None] = {}
    for name, inner, _ in step.transformers_:
        slot = step.output_indices_.get(name, slice(0))
        at = [int(i) for i in indices.get(name, [])]
        if at and max(at) < len(columns) and not (isinstance(inner, str) and inner == "drop"):
            left = after(inner, [columns[i] for i in at])
            places = range(slot.start or 0, slot.stop)
            placed.update(zip(places, left if len(left) == len(places) else [], strict=False))
    width = max((slot.stop for slot in step.output_indices_.values()), default=0)
    return [placed.get(place) for place in range(width)]


def _after_sklearn(step: Any, columns: Columns) -> Columns:
    """The columns of an imputer, or of a function that does nothing."""
    if type(step).__name__ == "FunctionTransformer" and step.func is None:  # "passthrough"
        return columns
    is_same = hasattr(step, "statistics_") and getattr(step, "add_indicator", True) is False
    if not is_same or len(step.statistics_) != len(columns):
        return []
    if getattr(step, "strategy", "") != "constant":
        return columns
    return [_with(column, step.fill_value) for column in columns]


def _with(column: Column | None, made: Any) -> Column | None:
    return None if column is None else column._replace(made=(*column.made, made))


def _after_feature_engine(step: Any, columns: Columns) -> Columns:
    by_name, kind = _by_name(step, columns), type(step).__name__
    if not by_name:
        return []
    changed = list(getattr(step, "variables_", ()))
    if kind == "RareLabelEncoder" or getattr(step, "imputation_method", "") == "missing":
        made = step.replace_with if kind == "RareLabelEncoder" else step.fill_value
        by_name.update({name: _with(by_name[name], made) for name in changed})
    elif kind == "SklearnTransformerWrapper":
        inner = after(step.transformer_, [by_name[name] for name in changed])
        inner = inner if len(inner) == len(changed) else [None] * len(changed)
        by_name.update(zip(changed, inner, strict=True))
    elif type(step).__module__.split(".")[1] in _REPLACING:
        by_name.update(dict.fromkeys(changed))
    return [by_name.get(name) for name in step.get_feature_names_out()]


def _after_category_encoders(step: Any, columns: Columns) -> Columns:
    by_name = _by_name(step, columns)
    by_name.update(dict.fromkeys(getattr(step, "cols", None) or ()))
    return [by_name.get(name) for name in step.get_feature_names_out()] if by_name else []


def _after_skrub(step: Any, columns: Columns) -> Columns:
    kind, step = type(step).__name__, _inside(step)
    if kind in _KEEPING:
        return [] if getattr(step, "drop_", False) else columns
    if kind == "CheckInputDataFrame":
        return columns
    step = getattr(step, "_dropper", step)  # of columns that resemble others
    kept = getattr(step, "columns_", getattr(step, "kept_cols_", None))
    if kept is not None:  # it selects columns
        by_name = {column.name: column for column in columns if column is not None}
        return [by_name.get(name) for name in kept]
    return _after_applied(step, columns) if hasattr(step, "keep_original") else []


def _after_applied(step: Any, columns: Columns) -> Columns:
    left = _by_name(step, columns)
    if not step.keep_original:
        left.update(dict.fromkeys(step.used_inputs_))
    for inner, some in _parts_of_skrub(step, columns):
        changed = after(inner, some)
        names = [column.name for column in some if column is not None]
        left.update(zip(names if len(changed) == len(names) else [], changed, strict=False))
    return [left.get(name) for name in step.all_outputs_]


def _after_named(step: Any, columns: Columns) -> Columns:
    """scikit-lego's and mlxtend's selectors of columns."""
    places = {column.name: i for i, column in enumerate(columns) if column is not None}
    kind = type(step).__name__
    if kind in ("IdentityTransformer", "CopyTransformer", "DenseTransformer"):
        return columns
    if kind == "ColumnDropper":
        return [one for one in columns if one is None or one.name not in step.columns_]
    for attribute in ("columns_", "feature_names_", "cols", "k_feature_idx_", "best_idx_"):
        if (names := getattr(step, attribute, None)) is not None:
            at = [places.get(one, one) for one in names]
            is_known = all(isinstance(one, int) and 0 <= one < len(columns) for one in at)
            return [columns[one] for one in at] if is_known else []
    return []


_AFTER = {
    "category_encoders": _after_category_encoders,
    "feature_engine": _after_feature_engine,
    "mlxtend": _after_named,
    "skrub": _after_skrub,
    "sklearn": _after_sklearn,
    "sklego": _after_named,
}
