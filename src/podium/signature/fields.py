"""What a model takes and gives: named, typed fields."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from podium.errors import SignatureError
from podium.table import Frame

FieldType: TypeAlias = Literal[
    "float", "integer", "boolean", "category", "text", "date", "datetime"
]
Task: TypeAlias = Literal["regression", "classification", "clustering", "anomaly", "value"]
Label: TypeAlias = bool | int | float | str

NUMBERS: tuple[FieldType, ...] = ("float", "integer")
TIMES: tuple[FieldType, ...] = ("date", "datetime")

# Integers travel as JSON, which other languages read as doubles: exact up to here.
INTEGER_MAX = 2**53


def _readable(name: str) -> str:
    """A column's name as people would write it: `bill_length` as `Bill length`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else name


class Range(msgspec.Struct, frozen=True):
    """The least and the greatest value, both included; None is no bound.

    Numbers for numbers, ISO 8601 text for dates and times.
    """

    minimum: int | float | str | None = None
    maximum: int | float | str | None = None


class Category(msgspec.Struct, frozen=True):
    """One value of a category, and how often training saw it (0 to 1)."""

    value: Label
    frequency: float = 0.0


class Field(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One input of a model.

    Attributes:
        name: the column's name, as the model knows it.
        type: what its values are.
        title: what people read instead of the name.
        description: a sentence of help.
        unit: of the numbers, as people write it (mm, °C).
        missing: what to do with a missing value: `refuse` it, or let it pass to the model, which
            was trained with missing values (`accept`), with or without a word (`warn`).
        unknown: the same for a category that training never saw. `warn` passes it on.
        outside: the same for a value outside the range that training saw.
        bounds: the values that are possible at all; others are always refused.
        seen: the range of the training data.
        quantiles: of the training data, at 5, 25, 50, 75 and 95 %.
        step: the distance between neighbouring values, for a person who turns a knob.
        categories: the values of a category, most frequent first.
        max_length: of a text, in characters.
        missing_share: of the training rows (0 to 1).
        dtype: the column's type in the frame that the model was trained on.
    """

    name: str
    type: FieldType = "float"
    title: str = ""
    description: str = ""
    unit: str = ""
    missing: Literal["refuse", "warn", "accept"] = "refuse"
    unknown: Literal["refuse", "warn", "accept"] = "refuse"
    outside: Literal["refuse", "warn", "accept"] = "warn"
    bounds: Range = Range()
    seen: Range = Range()
    quantiles: tuple[float, ...] = ()
    step: float | None = None
    categories: tuple[Category, ...] = ()
    max_length: int = 10_000
    missing_share: float = 0.0
    dtype: str = ""

    @property
    def label(self) -> str:
        """What people read: the title, or the name made readable."""
        return self.title or _readable(self.name)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The values of a category."""
        return tuple(c.value for c in self.categories)


class Output(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One output of a model.

    Attributes:
        name: of the target.
        task: what kind of answer it is; `value` is anything that JSON can hold.
        classes: the labels, in the order of the columns of the probabilities.
        has_probabilities: whether each answer comes with one probability a class.
        seen: the range of the target in the training data.
    """

    name: str = "prediction"
    task: Task = "regression"
    title: str = ""
    description: str = ""
    unit: str = ""
    classes: tuple[Label, ...] = ()
    has_probabilities: bool = False
    seen: Range = Range()

    @property
    def label(self) -> str:
        """What people read: the title, or the name made readable."""
        return self.title or _readable(self.name)


class Signature(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """The inputs and outputs of a model.

    Attributes:
        fields: inputs, in the order the model was trained with.
        outputs: usually one.
        examples: a few whole rows of the training data, as plain JSON values by field name.
        frame: the kind of table the model was trained on, which its runtime makes again.
        is_series: it was trained on the only column by itself, as models of texts are.
    """

    fields: tuple[Field, ...]
    outputs: tuple[Output, ...] = (Output(),)
    examples: tuple[dict[str, Label | None], ...] = ()
    frame: Frame | None = None
    is_series: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Field names, in order."""
        return tuple(f.name for f in self.fields)

    @property
    def output(self) -> Output:
        """The first output: the only one of nearly every model."""
        return self.outputs[0]

    def field(self, name: str) -> Field:
        """The field of this name.

        Raises:
            SignatureError: there is none.
        """
        for one in self.fields:
            if one.name == name:
                return one
        raise SignatureError(f"no field is called {name!r}", hint=f"known: {', '.join(self.names)}")

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) != len(names):
            twice = sorted({n for n in names if names.count(n) > 1})
            raise SignatureError(f"two fields are called {twice[0]!r}", hint="rename one of them")
        if not self.outputs:
            raise SignatureError("a signature needs at least one output")
        if self.is_series and len(self.fields) != 1:
            raise SignatureError(f"a series has one column, not {len(self.fields)}")
