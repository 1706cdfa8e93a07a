"""The table `[gates.MODEL]`: what a version must have shown before it is promoted."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

When = Literal["manual", "auto"]
Measure = Literal["", "accuracy", "log_loss", "brier_score", "mean_absolute_error"]


class Gates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is looked at before a version of a model is promoted.

    Attributes:
        truths_min: how many truths each of two versions needs before anything is decided.
        measure: what decides, such as `log_loss`; accuracy or the mean absolute error when empty.
        margin: how much better the new version must be, in the unit of the measure; in no segment
            and for no output may it be worse by twice as much.
        segments: fields of the model whose values divide the rows into segments.
        latency_max: how many times as long as before an answer may take. Where it is 1 or more, a
            millisecond more is always allowed.
        required: no version at all is promoted unless every gate lets it pass; else gates stop the
            challenger only, and only those that find something against it.
        promote: `auto` promotes a challenger that is better beyond doubt, if every gate passes.
        rollback: `auto` rolls back a champion that is worse, beyond doubt, than the version before.
    """

    truths_min: Annotated[int, msgspec.Meta(ge=20)] = 200
    measure: Measure = ""
    margin: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    segments: tuple[str, ...] = ()
    latency_max: Annotated[float, msgspec.Meta(gt=0)] = 1.5
    required: bool = False
    promote: When = "manual"
    rollback: When = "manual"

    @property
    def is_automatic(self) -> bool:
        """Whether anything happens by itself."""
        return "auto" in (self.promote, self.rollback)
