"""The models that are served, in the admin: their versions and their cards."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from podium.access import Action, allowed
from podium.hosts.django.admin.asking import LookedAt, asked, page_address
from podium.hosts.django.models import ServedModel
from podium.web.about import about_of


class ServedModelAdmin(LookedAt):
    """Every version that was ever served here, and the card of those that are now."""

    list_display = ("name", "version", "since", "is_served", "way_in")
    list_filter = ("name",)
    search_fields = ("name", "version")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Who may anything with any model."""
        site, asking = asked(request)
        return bool(site.visible(asking.actor))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may anything with it."""
        site, asking = asked(request)
        there = site.visible(asking.actor)
        return bool(there) if obj is None else obj.name in there

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServedModel]:
        """Those that are there for who asks."""
        site, asking = asked(request)
        found: QuerySet[ServedModel] = super().get_queryset(request)
        return found.filter(name__in=site.visible(asking.actor))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002 - as Django calls it
        extra_context: Any = None,  # noqa: ARG002
    ) -> HttpResponse:
        """What is known of one version."""
        served = self.get_object(request, object_id)
        if served is None:
            raise Http404("there is no such version")
        site, asking = asked(request)
        deployment = site.deployments[served.name]
        is_served = deployment.version == served.version
        name = {"name": served.name}
        records = reverse(f"{self.admin_site.name}:podium_prediction_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,  # noqa: SLF001 - as Django's own templates take it
            "title": str(served),
            "served": served,
            "card": deployment.card if is_served else None,
            "about": about_of(deployment.bundle) if is_served else None,
            "page": page_address("model", **name) if is_served else "",
            "docs": page_address("docs"),
            "records": f"{records}?model={served.name}"
            if allowed(asking.actor, Action.SEE_OWN, served.name)
            else "",
        }
        return TemplateResponse(request, "podium/admin/served.html", context)

    @admin.display(description="answers now", boolean=True)
    def is_served(self, served: ServedModel) -> bool:
        """Whether this version answers."""
        from podium.hosts.django.host import current_host

        deployment = current_host().app.deployments.get(served.name)
        return deployment is not None and deployment.version == served.version

    @admin.display(description="page")
    def way_in(self, served: ServedModel) -> str:
        """The way to its form."""
        address = page_address("model", name=served.name)
        return format_html('<a href="{}">Form</a>', address) if address else "—"
