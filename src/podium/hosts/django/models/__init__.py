"""The tables of the app."""

from podium.hosts.django.models.audit import AuditEntry
from podium.hosts.django.models.counts import MonitoringCount, MonitoringSource
from podium.hosts.django.models.prediction import Prediction
from podium.hosts.django.models.served import ServedModel
from podium.hosts.django.models.stamp import ChangeStamp
from podium.hosts.django.models.token import ApiToken

__all__ = [
    "ApiToken",
    "AuditEntry",
    "ChangeStamp",
    "MonitoringCount",
    "MonitoringSource",
    "Prediction",
    "ServedModel",
]
