"""Conformal models of MAPIE: a prediction, and bounds that are equally far from it in all rows."""

from __future__ import annotations

from typing import Any

from podium.compile.builder import Builder
from podium.compile.exporters.ensemble import values_of
from podium.compile.features import Features, Fitted, NotCompiled


def conformal_model(model: Any, build: Builder, x: Features) -> Fitted:
    """The model inside, and its bounds."""
    if model.half_width is None:
        raise NotCompiled(
            "the widths of its intervals differ from row to row; those of a split model with absolute scores don't"
        )
    middle = values_of(build.model(model.inner, x, "model"))
    bounds = [build.scale(middle, add=sign * model.half_width) for sign in (-1.0, 1.0)]
    return Fitted(outputs=tuple(Fitted(values=values) for values in (middle, *bounds)))


MODELS = {"podium.ConformalModel": conformal_model}
