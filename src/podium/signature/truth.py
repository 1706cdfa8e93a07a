"""The signature of feedback: the true outcome of a prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from podium.signature.fields import Category, Field, Output, Signature

TRUTH: Final = "truth"
ID: Final = "id"
KEY: Final = "key"
NOTE, NOTE_MAX = "note", 1_000


def feedback_signature(signature: Signature) -> Signature:
    """The columns of feedback: `truth`, or `truth.NAME` for each of several outputs, and a note."""
    fields = truth_signature(signature).fields
    names = [TRUTH] if len(fields) == 1 else [f"{TRUTH}.{field.name}" for field in fields]
    truths = [
        msgspec.structs.replace(field, name=name) for field, name in zip(fields, names, strict=True)
    ]
    note = Field(name=NOTE, title="Note", type="text", missing="accept", max_length=NOTE_MAX)
    return Signature(fields=(*truths, note))


def feedback_truth(signature: Signature, row: Mapping[str, Any]) -> Any:
    """The truth as a record holds it, from a row of `feedback_signature`."""
    targets = _targets(signature)
    if len(targets) == 1:
        return row[TRUTH]
    return {output.name: row[f"{TRUTH}.{output.name}"] for output in targets}


def truth_signature(signature: Signature) -> Signature:
    """A field for each target of a model, which accepts its possible true values.

    That is an output, or what several outputs are estimates of.
    """
    return Signature(fields=tuple(map(_field, _targets(signature))))


def truth_of(signature: Signature, values: Mapping[str, Any]) -> Any:
    """The truth as a record holds it, from values by target: alone if there is one target."""
    targets = _targets(signature)
    return values[targets[0].name] if len(targets) == 1 else dict(values)


def values_by_target(signature: Signature, truth: Any) -> dict[str, Any]:
    """The true values by the name of their target: the inverse of `truth_of`."""
    targets = _targets(signature)
    if len(targets) == 1 and not isinstance(truth, Mapping):
        return {targets[0].name: truth}
    return dict(truth) if isinstance(truth, Mapping) else {}


def values_by_output(signature: Signature, truth: Any) -> dict[str, Any]:
    """The true values by the name of their output; of several estimates of one target it is one."""
    if len(signature.outputs) == 1 or (signature.shared_target and not isinstance(truth, Mapping)):
        return {output.name: truth for output in signature.outputs}
    return dict(truth) if isinstance(truth, Mapping) else {}


def truth_value(output: Output, value: Any) -> Any:
    """A true value, where the model could have predicted it; else None."""
    if output.task == "regression":
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if is_number else None
    return value if isinstance(value, (str, int, float, bool)) else None


def _targets(signature: Signature) -> tuple[Output, ...]:
    if not signature.shared_target:
        return signature.outputs
    # Its unit is theirs; its title isn't.
    first = msgspec.structs.replace(signature.output, name=signature.shared_target, title="")
    return (first,)


def _field(output: Output) -> Field:
    # An unnamed output is called "prediction", which the truth isn't.
    title = "True value" if output.label == Output().label else output.label
    common: dict[str, Any] = {"name": output.name, "title": title, "unit": output.unit}
    if output.task == "classification" and output.classes:
        return Field(type="category", categories=tuple(map(Category, output.classes)), **common)
    return Field(type="float" if output.task == "regression" else "text", **common)
