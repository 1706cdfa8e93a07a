"""The routes of every host, for `path("ml/", include("podium.hosts.django.urls"))`."""

from __future__ import annotations

import re

from django.urls import URLPattern, path, re_path

from podium.hosts.django.views import view_of
from podium.protocols import router_of
from podium.web.router import Route

app_name = "podium"

_SEGMENT = re.compile(r"\{(\w+)\}")


def _pattern(route: Route) -> URLPattern:
    pattern = _SEGMENT.sub(r"<str:\1>", route.pattern.removeprefix("/"))
    return path(pattern, view_of(route), name=route.name)


# Of several routes with the same path, the first receives all requests: the view depends on the
# method, and the core finds it by itself. The others exist so that their names can be reversed.
urlpatterns = [
    *(_pattern(route) for route in router_of().routes),
    re_path(r"^(?P<path>.*)\Z", view_of(None), name="nothing"),
]
