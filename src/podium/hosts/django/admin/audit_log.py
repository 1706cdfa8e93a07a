"""The audit log in the admin: it can be searched and downloaded, but not changed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

from podium.hosts.django.admin.requests import ReadOnlyAdmin
from podium.hosts.django.audit import write
from podium.hosts.django.models import AuditEntry
from podium.records.export import neutral

COLUMNS = ("time", "event", "actor", "actor_id", "token", "target", "details", "address")


class AuditLogAdmin(ReadOnlyAdmin):
    """The audit log: what was done, by whom, and when."""

    list_display = ("time", "event", "who", "target", "details_text", "address")
    list_filter = ("event", ("time", admin.DateFieldListFilter))
    search_fields = ("actor", "actor_id", "target", "token", "address")
    date_hierarchy = "time"
    fields = ("time", "event", "actor", "actor_id", "token", "target", "details_text", "address")
    readonly_fields = fields
    list_per_page = 50
    change_list_template = "podium/admin/audit_log.html"

    def get_urls(self) -> list[Any]:
        """The URLs of every table, and that of the file."""
        view = self.admin_site.admin_view(self.export)
        return [path("audit-log.csv", view, name="podium_auditentry_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The list, with a link to the filtered entries as a file."""
        query = request.META.get("QUERY_STRING", "")
        address = reverse(f"{self.admin_site.name}:podium_auditentry_export")
        export = f"{address}?{query}" if query else address
        return super().changelist_view(request, {**(extra_context or {}), "export": export})

    def export(self, request: HttpRequest) -> HttpResponse:
        """The filtered entries as CSV that no spreadsheet executes."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        entries = self.get_changelist_instance(request).get_queryset(request)
        write("audit_log_exported")
        answer = HttpResponse(_csv(entries.iterator(500)), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
        return answer

    @admin.display(description="who", ordering="actor")
    def who(self, entry: AuditEntry) -> str:
        """The user, and the token if they used one."""
        name = entry.actor or "—"
        return f"{name} (with {entry.token})" if entry.token else name

    @admin.display(description="details")
    def details_text(self, entry: AuditEntry) -> str:
        """The details, in words."""
        return "; ".join(f"{name}: {value}" for name, value in entry.details.items()) or "—"


def _csv(entries: Iterable[AuditEntry]) -> bytes:
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for one in entries:
        details = "; ".join(f"{name}: {value}" for name, value in one.details.items())
        moment = one.time.isoformat(timespec="milliseconds")
        said = (one.event, one.actor, one.actor_id, one.token, one.target, details, one.address)
        cells = (moment, *said)
        rows.writerow(map(neutral, cells))
    return "\ufeff".encode() + text.getvalue().encode()
