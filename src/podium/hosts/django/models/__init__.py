"""The tables of the app."""

from podium.hosts.django.models.prediction import Prediction

__all__ = ["Prediction"]
