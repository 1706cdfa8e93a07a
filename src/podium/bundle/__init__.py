"""The .podium file: packing a model into one, and opening one.

`pack` is in a package of its own, which a server doesn't import: it starts a tenth sooner.
"""

from podium.bundle.bundle import Bundle, load
from podium.bundle.card import Card, Metric
from podium.bundle.model_part import ModelPart

__all__ = ["Bundle", "Card", "Metric", "ModelPart", "load"]
