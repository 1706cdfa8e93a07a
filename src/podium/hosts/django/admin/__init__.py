"""What Django's admin shows of Podium: models, predictions, tokens, the audit log."""

from __future__ import annotations

from django.contrib import admin

from podium.hosts.django.admin.audit_log import AuditLogAdmin
from podium.hosts.django.admin.records import RecordsAdmin
from podium.hosts.django.admin.served import ServedModelAdmin
from podium.hosts.django.admin.tokens import TokenAdmin
from podium.hosts.django.models import ApiToken, AuditEntry, Prediction, ServedModel

__all__ = ["AuditLogAdmin", "RecordsAdmin", "ServedModelAdmin", "TokenAdmin"]

admin.site.register(ApiToken, TokenAdmin)
admin.site.register(AuditEntry, AuditLogAdmin)
admin.site.register(Prediction, RecordsAdmin)
admin.site.register(ServedModel, ServedModelAdmin)
