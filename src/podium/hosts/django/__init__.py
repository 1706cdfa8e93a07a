"""Podium inside a Django project."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podium.hosts.django.forms import PredictionFormMixin, podium_form
    from podium.hosts.django.predicted import predict
    from podium.hosts.predicted import Predicted

__all__ = ["Predicted", "PredictionFormMixin", "podium_form", "predict"]

# Django imports this package before any model may be imported.
_HOMES = {
    "Predicted": "podium.hosts.predicted",
    "PredictionFormMixin": "podium.hosts.django.forms",
    "podium_form": "podium.hosts.django.forms",
    "predict": "podium.hosts.django.predicted",
}


def __getattr__(name: str) -> object:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(home), name)
