"""Files of the pages: style, script, icon; cached for ever under the hash of their content."""

from __future__ import annotations

import functools
import hashlib
from importlib import resources

from podium.errors import NotFound
from podium.http import Request, Response
from podium.web.site import Site

_MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


def serve(site: Site, request: Request, file: str) -> Response:  # noqa: ARG001 - a view
    """A static file: `GET /static/{file}`.

    Raises:
        NotFound: there is none with this name and content.
    """
    name = _files().get(file)
    if name is None:
        raise NotFound(f"there is no file {file[:100]}")
    media = _MEDIA["." + name.rpartition(".")[2]]
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(_content(name), 200, media, headers, is_compressible=media.startswith("text/"))


def favicon(site: Site, request: Request) -> Response:  # noqa: ARG001 - a view
    """The icon: `GET /favicon.ico`."""
    headers = {"cache-control": "public, max-age=86400"}
    return Response(_content("icon.svg"), 200, _MEDIA[".svg"], headers)


@functools.cache
def hashed(name: str) -> str:
    """A file's name with the hash of its content: `podium.1a2b3c4d5e.css`."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{hashlib.sha256(_content(name)).hexdigest()[:10]}.{suffix}"


@functools.cache
def _files() -> dict[str, str]:
    """The files by their hashed names: no other name is ever looked up."""
    folder = resources.files("podium.web") / "static"
    names = [one.name for one in folder.iterdir() if "." + one.name.rpartition(".")[2] in _MEDIA]
    return {hashed(name): name for name in names}


@functools.cache
def _content(name: str) -> bytes:
    return (resources.files("podium.web") / "static" / name).read_bytes()
