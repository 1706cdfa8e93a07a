"""What happens in the process of a retraining: from records to a packed version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from podium.bundle import Bundle
from podium.deployments.registry import Registry
from podium.errors import InputError, ModelError, NoPrediction, SetupError
from podium.evaluation.records import open_records, period_query
from podium.flow.run import run
from podium.packing.columns import fitted_columns
from podium.packing.pack import pack
from podium.packing.quality import Quality, quality
from podium.packing.truth import Truth
from podium.records.export import time_text
from podium.retraining.frames import (
    data_frame,
    frame_of,
    joined,
    library_of,
    records_of,
    target_names,
)
from podium.retraining.labeled import LabeledRows, labeled_rows
from podium.retraining.orders import BUNDLE_NAME, TRUTHS_MIN, Figure, Order, Recipe, Trained
from podium.retraining.recipe import Function, call_recipe, load_recipe
from podium.signature import Field, Output, Signature
from podium.signature.infer import infer_fields
from podium.table import Table, column_of, plain_values

# What a person may have decided about a field; the rest is measured again.
_CORRECTABLE = ("title", "description", "unit", "outside", "bounds", "step", "max_length")


def train(order: Order) -> Trained:
    """Retrain a model, and write the new version to the order's folder.

    Raises:
        PodiumError: the recipe, the records or the data can't be used, or the result not packed.
    """
    recipe = order.recipe
    function = load_recipe(recipe.recipe)
    if function.takes_data and not recipe.data:
        raise SetupError(
            f"{recipe.recipe} takes the training data, too, which a bundle doesn't hold",
            hint="name its file with --data (or data = in [retrain.MODEL]), or take one argument",
        )
    settings = order.settings
    registry = Registry(settings.registry_folder, settings.trust)
    champion = registry.bundle(registry.find(recipe.model, order.digest))
    query = period_query(recipe.model, recipe.since or None, None, has_feedback=True)
    with open_records(settings) as store:
        labeled = labeled_rows(store, query, champion)
    n_rows = labeled.table.n_rows
    if n_rows < TRUTHS_MIN:
        raise SetupError(
            f"{n_rows} records of {recipe.model} have ground truth that can be used",
            hint=f"a model is retrained on {TRUTHS_MIN} or more",
        )
    n_train = min(max(round(n_rows * (1 - recipe.holdout)), 1), n_rows - 1)
    older, newest = labeled.rows(slice(0, n_train)), labeled.rows(slice(n_train, n_rows))
    measured = _quality_of(champion, newest)
    bundle, n_data = _pack(order, function, champion, (older, newest), measured)
    return Trained(
        n_train=n_train,
        n_holdout=n_rows - n_train,
        n_data=n_data,
        n_left_out=labeled.n_left_out,
        until_us=int(labeled.records["time"][-1].astype(int)),
        figures=_figures(bundle, measured),
    )


def _pack(
    order: Order,
    function: Function,
    champion: Bundle,
    labeled: tuple[LabeledRows, LabeledRows],
    measured: Quality,
) -> tuple[Bundle, int]:
    """The bundle of what the recipe makes of the older rows; and of how many rows of data.

    Args:
        labeled: the older rows, and the newest ones.
        measured: the champion's metrics on the newest.
    """
    recipe, signature, (older, newest) = order.recipe, champion.signature, labeled
    data, n_data = None, 0
    if function.takes_data:
        data, n_data = data_frame(signature, Path(recipe.data))
    rows = frame_of(signature, older)
    given = _copy(rows), None if data is None else _copy(data), records_of(signature, older)
    model = call_recipe(function, *given)
    targets = list(target_names(signature).values())
    columns = [*signature.names, *targets]
    some = [rows] if data is None else [data[columns], rows]
    inputs, truth = _split(joined(some, library_of(signature)), targets)
    held_out = _split(frame_of(signature, newest), targets)
    try:
        bundle = pack(
            model,
            inputs,
            truth,
            name=recipe.model,
            path=Path(order.folder, BUNDLE_NAME),
            version=recipe.version or None,
            title=champion.card.title,
            description=champion.card.description,
            holdout=held_out,
            signature=_corrections(signature, model, inputs),
            limits=champion.card.limits,
            notes=_notes(recipe, labeled, n_data) + _champion_note(champion, measured),
            # Where no training rows travelled with the champion, none do now.
            background=0 if champion.background is None else champion.background.n_rows,
        )
    except (ModelError, InputError) as error:
        raise SetupError(
            f"what {recipe.recipe} returned can't predict rows that the champion does: {error.message}",
            hint="it must accept them, too: fill in missing values in a pipeline, for one",
        ) from error
    return bundle, n_data


def _copy(frame: Any) -> Any:
    """A frame that a recipe may change."""
    return frame.clone() if hasattr(frame, "clone") else frame.copy()


def _split(frame: Any, targets: list[str]) -> tuple[Any, Any]:
    """The fields, and the target or the targets."""
    inputs = frame[[name for name in frame.columns if name not in targets]]
    return inputs, frame[targets[0]] if len(targets) == 1 else frame[targets]


def _corrections(signature: Signature, model: object, inputs: Any) -> Mapping[str, Any]:
    """What was decided about the champion's fields and outputs, as corrections of the new ones."""
    table = Table.of(inputs)
    names = fitted_columns(model) or table.names
    measured = {one.name: one for one in infer_fields(table)}
    fields = [
        _field_corrections(one, measured.get(one.name, one))
        for one in signature.fields
        if one.name in names
    ]
    return {
        "fields": fields,
        "outputs": [_output_corrections(one, model) for one in signature.outputs],
    }


def _output_corrections(one: Output, model: object) -> dict[str, Any]:
    decided: dict[str, Any] = {"title": one.title, "description": one.description, "unit": one.unit}
    classes = Table.of({"label": list(getattr(model, "classes_", ()))}).columns["label"]
    if one.words and plain_values(classes) == list(one.classes):
        decided["words"] = list(one.words)
    return {"name": one.name, **decided}


def _field_corrections(one: Field, measured: Field) -> dict[str, Any]:
    values = msgspec.to_builtins(one)
    decided = {name: values[name] for name in _CORRECTABLE if name in values}
    # A column of few texts, or of whole numbers by chance, isn't another type for that.
    is_other = one.type in ("float", "text") and measured.type != one.type
    return {"name": one.name, **decided, **({"type": one.type} if is_other else {})}


def _notes(
    recipe: Recipe, labeled: tuple[LabeledRows, LabeledRows], n_data: int
) -> tuple[str, ...]:
    """What the card says about the training."""
    older, newest = labeled
    first, last = (int(newest.records["time"][at].astype(int)) for at in (0, -1))
    data = f" and {n_data:,} rows of {Path(recipe.data).name}" if n_data else ""
    note = (
        f"Retrained by {Path(recipe.recipe).name} on {older.table.n_rows:,} records with ground "
        f"truth{data}; measured on the {newest.table.n_rows:,} newest, from {time_text(first)[:10]} "
        f"to {time_text(last)[:10]}."
    )
    return (note,)


def _champion_note(champion: Bundle, measured: Quality) -> tuple[str, ...]:
    if not measured.metrics:
        return ()
    figures = ", ".join(
        f"{one.label} {one.value:.4g}{f' {one.unit}' if one.unit else ''}"
        for one in measured.metrics
    )
    return (f"On the same rows version {champion.version}, the champion then: {figures}.",)


def _quality_of(champion: Bundle, labeled: LabeledRows) -> Quality:
    """The champion's metrics; none where it can't predict these rows."""
    signature = champion.signature
    columns = tuple(column_of(values) for values in labeled.truths.values())
    truth = Truth(tuple(labeled.truths), columns)
    try:
        outputs = run(champion.runtime, labeled.table)
    except (ModelError, NoPrediction):
        return Quality()
    return quality(signature, outputs, truth, "holdout")


def _figures(bundle: Bundle, champion: Quality) -> tuple[Figure, ...]:
    theirs = {(one.name, one.output): one.value for one in champion.metrics}
    return tuple(
        Figure(
            name=one.name,
            title=one.label,
            better=one.better,
            unit=one.unit,
            new=one.value,
            champion=theirs.get((one.name, one.output)),
        )
        for one in bundle.card.metrics
    )
