"""The served models in the admin: their versions and cards."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from podium.access import Action, allowed
from podium.errors import RegistryError
from podium.hosts.django.admin.requests import (
    ReadOnlyAdmin,
    is_visible,
    page_address,
    site_and_request,
)
from podium.hosts.django.host import current_host
from podium.hosts.django.models import ServedModel
from podium.http import Request
from podium.web.about import about_of
from podium.web.site import Site
from podium.web.version_pages import events_of


class ServedModelAdmin(ReadOnlyAdmin):
    """Every version that was ever served here, and the cards of those that are served now."""

    list_display = ("name", "title", "version", "since", "is_served", "way_in")
    list_filter = ("name",)
    search_fields = ("name", "version")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the user has any permission for any model."""
        return is_visible(request, _names)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user has any permission for this model."""
        return (
            self.has_module_permission(request)
            if obj is None
            else obj.name in _names(*site_and_request(request))
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServedModel]:
        """The models that the user may see."""
        found: QuerySet[ServedModel] = super().get_queryset(request)
        return found.filter(name__in=_names(*site_and_request(request)))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002 - the signature that Django calls
        extra_context: Any = None,  # noqa: ARG002
    ) -> HttpResponse:
        """The details of one version."""
        served = self.get_object(request, object_id)
        if served is None:
            raise Http404("there is no such version")
        site, ours = site_and_request(request)
        failure = site.failure(served.name, ours.actor)
        version = None if failure else site.deployments[served.name].choose()
        is_served = version is not None and version.version == served.version
        name = {"name": served.name}
        records = reverse(f"{self.admin_site.name}:podium_prediction_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,  # noqa: SLF001 - as Django's own templates need it
            "title": str(served),
            "served": served,
            "failure": failure,
            "card": version.card if version and is_served else None,
            "about": about_of(version.bundle) if version and is_served else None,
            "page": page_address("model", **name) if is_served else "",
            "docs": page_address("docs"),
            "events": _events(site, served.name)
            if allowed(ours.actor, Action.MANAGE, served.name)
            else (),
            "records": f"{records}?model={served.name}"
            if allowed(ours.actor, Action.SEE_OWN, served.name)
            else "",
        }
        return TemplateResponse(request, "podium/admin/served.html", context)

    @admin.display(description="title")
    def title(self, served: ServedModel) -> str:
        """The model's title, or its name in words."""
        site = current_host().app.site
        version = None if served.name in site.failures else site.find(served.name)
        return "—" if version is None else version.card.label

    @admin.display(description="is served", boolean=True)
    def is_served(self, served: ServedModel) -> bool:
        """Whether this version is served now."""
        site = current_host().app.site
        version = None if served.name in site.failures else site.find(served.name)
        return version is not None and version.version == served.version

    @admin.display(description="page")
    def way_in(self, served: ServedModel) -> str:
        """The link to its form."""
        address = page_address("model", name=served.name)
        return format_html('<a href="{}">Form</a>', address) if address else "—"


def _events(site: Site, name: str) -> list[tuple[str, str, str, str, str]]:
    """What happened to the model's versions; nothing while the registry can't be read."""
    try:
        return [] if site.versions is None else events_of(site.versions.registry, name)
    except RegistryError:
        return []


def _names(site: Site, ours: Request) -> list[str]:
    """The models that the user may see, including those that can't be loaded."""
    return [*site.visible(ours.actor), *site.failed(ours.actor)]
