"""The .podium file: packing a model into one, and opening one."""

from podium.bundle.bundle import Bundle, load
from podium.bundle.card import Card, Metric
from podium.bundle.pack import pack

__all__ = ["Bundle", "Card", "Metric", "load", "pack"]
