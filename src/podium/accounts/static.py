"""Static files of Django's apps: styles and scripts of the admin, and of passkeys."""

from __future__ import annotations

import functools
import mimetypes
from collections.abc import Mapping
from pathlib import Path

from django.contrib.staticfiles.finders import get_finders
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import etag, require_safe

CACHE_S = 3600


@functools.cache
def files() -> Mapping[str, Path]:
    """The path of each file, by its name: no other name is ever looked up."""
    found: dict[str, Path] = {}
    for finder in get_finders():
        for name, storage in finder.list([]):
            prefix = getattr(storage, "prefix", None)
            full = f"{prefix}/{name}" if prefix else name
            found.setdefault(full.replace("\\", "/"), Path(storage.path(name)))
    return found


@functools.cache
def _tag(name: str) -> str | None:
    path = files().get(name)
    if path is None:
        return None
    seen = path.stat()
    return f'"{seen.st_mtime_ns:x}-{seen.st_size:x}"'


@require_safe
@etag(lambda _, name: _tag(name))
def serve(request: HttpRequest, name: str) -> HttpResponse:  # noqa: ARG001 - a view
    """A file of an app: `GET /accounts/static/{name}`.

    Raises:
        Http404: there is none with this name.
    """
    path = files().get(name)
    if path is None:
        raise Http404
    media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    is_text = media.startswith("text/") or media.endswith("javascript")
    answer = HttpResponse(
        path.read_bytes(), content_type=f"{media}; charset=utf-8" if is_text else media
    )
    answer["cache-control"] = f"public, max-age={CACHE_S}"
    return answer
