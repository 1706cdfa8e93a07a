"""Finds the view for a method and a path, and the protocol it belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, Literal
from urllib.parse import quote

from podium.access import Action
from podium.flow.accept import prefers_page
from podium.flow.format import RowCodec
from podium.flow.request import PredictRequest
from podium.flow.response import EncodedResponse
from podium.flow.version import LoadedVersion
from podium.http import Problem, Request, Response

OPEN: Final = "open"
LISTED: Final = "listed"
FILTERED: Final = "filtered"
# Stands for a segment in braces; no segment has a slash.
ANY = "/"


@dataclass(frozen=True, slots=True)
class Route:
    """A path, its methods, and the view for them.

    Attributes:
        pattern: segments in braces match one segment each, and are passed to the view by name; what
            follows the braces within a segment must follow there, too: `{name}:predict`.
        view: None for a prediction: its protocol reads the request and writes the response, and the
            prediction service does the rest.
        access: the action that the actor must be allowed on the model in the path; or OPEN for
            everybody; or LISTED: the view shows what the actor may see, if there is anything; or
            FILTERED: it shows that to everybody, and to anonymous callers what everybody may see.
        reads: whether it reads the store; or the parameter of the query with which it does.
        is_page: whether errors are shown as a page, unless the client prefers JSON. A route with the
            same pattern that is no page is for those who don't ask for one.
        is_for_both: whether it is for browsers and for programs: a token identifies the actor if
            there is one, otherwise the cookie. It changes nothing, and other sites can't read it.
        is_prediction: whether it counts as a prediction, as routes without a view do.
        upload: what its body is, where that goes to a file while it arrives: a bundle, or a file of
            rows.
        is_stream: whether it is a WebSocket.
        model: the model that it is about, where the path names none.
    """

    name: str
    methods: tuple[str, ...]
    pattern: str
    view: Callable[..., Response] | None
    access: Action | Literal["open", "listed", "filtered"]
    is_page: bool = False
    is_for_both: bool = False
    reads: bool | str = False
    is_prediction: bool = False
    upload: Literal["", "bundle", "file"] = ""
    is_stream: bool = False
    model: str = ""

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The named segments of a matching path, or None; their number is the pattern's."""
        found = {"name": self.model} if self.model else {}
        for mine, theirs in zip(self.pattern.split("/"), segments, strict=True):
            if mine.startswith("{"):
                name, _, end = mine[1:].partition("}")
                if len(theirs) <= len(end) or not theirs.endswith(end):
                    return None
                found[name] = theirs.removesuffix(end)
            elif mine != theirs:
                return None
        return found


@dataclass(frozen=True, slots=True)
class FastForm:
    """Which requests of a protocol the fast lane may handle: JSON, read and written by its types.

    Attributes:
        codec: reads and writes single rows of a version; None: Podium's own form.
        unusual: headers with which a request isn't for the fast lane, in lower case.
        media: values of the Content-Type header, in lower case; empty if there is none.
        accept: values of the Accept header, likewise.
    """

    media: frozenset[bytes]
    accept: frozenset[bytes]
    codec: Callable[[LoadedVersion], RowCodec] | None = None
    unusual: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class ServingProtocol:
    """The API of one serving system.

    Attributes:
        prefix: the beginning of its paths, or several; a problem below it is written by `problem`.
        routes: its routes; those without a view are predictions.
        read: a request for predictions from an HTTP request and the named segments of its path.
        write: the HTTP response to such a request.
        problem: the HTTP response for an error.
        fast: what the fast lane may handle; None: nothing.
        with_token: the request with the token that it carries where Authorization has something
            else; None: it is there.
    """

    name: str
    prefix: str | tuple[str, ...]
    routes: tuple[Route, ...]
    read: Callable[[Request, Mapping[str, str]], PredictRequest]
    write: Callable[[EncodedResponse], Response]
    problem: Callable[[Problem], Response]
    fast: FastForm | None = None
    with_token: Callable[[Request], Request] | None = None

    def predict_paths(self, name: str) -> list[bytes]:
        """The paths of a model's prediction routes, percent-encoded."""
        paths = [
            route.pattern.replace("{name}", quote(name))
            for route in self.routes
            if route.view is None and route.model in ("", name)
        ]
        return [one.encode() for one in paths if "{" not in one]


@dataclass(frozen=True, slots=True)
class Found:
    """The result of looking up a path.

    Attributes:
        route: for the method; None if there is none.
        values: the named segments of the path.
        allowed: the methods of the path; empty if it doesn't exist.
        protocol: that of the route; without one, the first whose prefix the path has; None: pages.
    """

    route: Route | None
    values: dict[str, str]
    allowed: tuple[str, ...]
    protocol: ServingProtocol | None


class Router:
    """All routes of one app.

    Args:
        pages: routes that belong to no protocol.
        protocols: the APIs for programs.

    Attributes:
        predictions: found in the paths that lead to a prediction, percent-encoded, under any prefix.
        uploads: the same of those whose bodies go to files; its group is what is sent.
        streams: the same of those that are WebSockets.
    """

    def __init__(self, pages: Iterable[Route], protocols: Sequence[ServingProtocol] = ()) -> None:
        self.protocols = tuple(protocols)
        self.routes = (*pages, *(route for one in protocols for route in one.routes))
        # Protocols may share a prefix: a route is read and answered as its own one says.
        self._owners = {route: one for one in reversed(protocols) for route in one.routes}
        self.predictions = _pattern_of(route for route in self.routes if route.view is None)
        self.uploads = _pattern_of_uploads(self.routes)
        self.streams = _pattern_of(route for route in self.routes if route.is_stream)
        # By the number of their segments, the first and the last one: few are left to be compared.
        self._by_ends: dict[tuple[int, str, str], list[tuple[int, Route]]] = {}
        for place, route in enumerate(self.routes):
            ends = _ends(route.pattern.split("/"))
            self._by_ends.setdefault(ends, []).append((place, route))

    def of(self, request: Request) -> Found:
        """The route of a request."""
        return self.find(request.method, request.path, request.headers.get("accept", ""))

    def find(self, method: str, path: str, accept: str = "text/html") -> Found:
        """Find the route for a method and a path. HEAD is treated as GET; OPTIONS matches
        everywhere.

        Of two routes at the same address, one is a page, and the other for programs.

        Args:
            path: decoded, below the mount.
            accept: the Accept header.
        """
        segments = path.split("/")
        wanted = "GET" if method == "HEAD" else method
        chosen: Route | None = None
        values: dict[str, str] = {}
        allowed: list[str] = []
        for route in self._candidates(segments):
            matched = route.match(segments)
            if matched is None:
                continue
            allowed += (one for one in route.methods if one not in allowed)
            if wanted not in route.methods and wanted != "OPTIONS":
                continue
            if chosen is None or (_is_instead(route, chosen) and not prefers_page(accept)):
                chosen, values = route, matched
        if "GET" in allowed:
            allowed.append("HEAD")
        methods = (*allowed, "OPTIONS") if allowed else ()
        owner = None if chosen is None else self._owners.get(chosen)
        return Found(chosen, values, methods, owner or self.protocol_of(path))

    def _candidates(self, segments: list[str]) -> Iterable[Route]:
        """The routes that have as many segments and the same ends, in their order."""
        n_segments, first, last = _ends(segments)
        found: list[tuple[int, Route]] = []
        for one in {first, ANY}:
            for other in {last, ANY}:
                found += self._by_ends.get((n_segments, one, other), ())
        return [route for _, route in sorted(found, key=itemgetter(0))]

    def protocol_of(self, path: str) -> ServingProtocol | None:
        """The first protocol whose prefix a path has; None if it is a page."""
        for one in self.protocols:
            if path.startswith(one.prefix):
                return one
        return None


def _is_instead(route: Route, page: Route) -> bool:
    """Whether a route is what programs get at the address of a page."""
    return page.is_page and not route.is_page and page.pattern == route.pattern


def _ends(segments: Sequence[str]) -> tuple[int, str, str]:
    """The number of segments, the first one after the slash, and the last one."""
    first, last = segments[1] if len(segments) > 1 else "", segments[-1]
    return len(segments), ANY if first[:1] == "{" else first, ANY if last[:1] == "{" else last


def _pattern_of(routes: Iterable[Route]) -> re.Pattern[bytes]:
    """Matches the end of each path that leads to one of the routes; nothing where there is none."""
    return re.compile(f"(?:{_ends_of(routes)})\\Z".encode())


def _pattern_of_uploads(routes: Sequence[Route]) -> re.Pattern[bytes]:
    """The same of those whose bodies go to files, with a group for each kind of body."""
    kinds = ("bundle", "file")
    groups = [f"(?P<{kind}>{_ends_of(r for r in routes if r.upload == kind)})" for kind in kinds]
    return re.compile(f"(?:{'|'.join(groups)})\\Z".encode())


def _ends_of(routes: Iterable[Route]) -> str:
    ends = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route.pattern)) for route in routes]
    return "|".join(ends) or r"(?!)"
