"""What really happened, as a signature of its own: what feedback on a prediction is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podium.signature.fields import Category, Field, Output, Signature


def truth_signature(signature: Signature) -> Signature:
    """A field for each output of a model, which takes what that could have been."""
    return Signature(fields=tuple(map(_field, signature.outputs)))


def truth_of(signature: Signature, said: Mapping[str, Any]) -> Any:
    """The truth as records keep it, of values by output: alone where there is one output."""
    return said[signature.output.name] if len(signature.outputs) == 1 else dict(said)


def said_of(signature: Signature, truth: Any) -> dict[str, Any]:
    """The other way round."""
    if len(signature.outputs) == 1:
        return {signature.output.name: truth}
    return dict(truth) if isinstance(truth, Mapping) else {}


def _field(output: Output) -> Field:
    # What nobody has named is called "prediction", which the truth isn't.
    title = "True value" if output.label == Output().label else output.label
    common: dict[str, Any] = {"name": output.name, "title": title, "unit": output.unit}
    if output.task == "classification" and output.classes:
        return Field(type="category", categories=tuple(map(Category, output.classes)), **common)
    return Field(type="float" if output.task == "regression" else "text", **common)
