"""Which view answers a method at an address, and in which protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from podium.access import Action
from podium.flow.request import PredictRequest
from podium.flow.response import EncodedResponse
from podium.http import Problem, Request, Response

OPEN: Final = "open"
LISTED: Final = "listed"
FILTERED: Final = "told"


@dataclass(frozen=True, slots=True)
class Route:
    """An address, the methods it answers, and the view that does.

    Attributes:
        pattern: segments in braces match one segment each, and are given to the view by name.
        view: None where the address leads to a prediction: its protocol reads the request and
            writes the response, and the prediction service does the rest.
        access: what one must be allowed to do with the model that the path names; or OPEN to
            everybody; or LISTED: the view shows what the actor may see, if that is anything; or
            FILTERED: it shows that to everybody, and to nobody in particular what all may know.
        reads: whether it reads the store; or the parameter of the query with which it does.
        is_page: errors are told as a page, unless the caller would rather have JSON.
        is_for_both: it is read by browsers and by programs: a token tells who asks where one is
            sent, and else the cookie. It changes nothing, and other sites can't read it.
        is_prediction: it counts as a prediction, as those without a view do.
    """

    name: str
    methods: tuple[str, ...]
    pattern: str
    view: Callable[..., Response] | None
    access: Action | Literal["open", "listed", "told"]
    is_page: bool = False
    is_for_both: bool = False
    reads: bool | str = False
    is_prediction: bool = False

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The named segments of a path that fits, or None; it has as many as the pattern."""
        found = {}
        for mine, theirs in zip(self.pattern.split("/"), segments, strict=True):
            if mine.startswith("{"):
                if not theirs:
                    return None
                found[mine[1:-1]] = theirs
            elif mine != theirs:
                return None
        return found


@dataclass(frozen=True, slots=True)
class FastForm:
    """Which requests of a protocol the fast lane may take: JSON, read and answered by its types.

    Attributes:
        media: values of the Content-Type header, in lower case; empty where there is none.
        accept: values of the Accept header, likewise.
    """

    media: frozenset[bytes]
    accept: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class ServingProtocol:
    """How programs of one system ask and are answered.

    Attributes:
        prefix: where its addresses begin; a problem below it is told as `problem` has it.
        routes: its addresses; those without a view lead to a prediction.
        read: a request for predictions out of one by HTTP, and the named segments of its path.
        write: the response by HTTP to such a request.
        problem: the response by HTTP where something went wrong.
        fast: what the fast lane may take; None: nothing.
    """

    name: str
    prefix: str
    routes: tuple[Route, ...]
    read: Callable[[Request, Mapping[str, str]], PredictRequest]
    write: Callable[[EncodedResponse], Response]
    problem: Callable[[Problem], Response]
    fast: FastForm | None = None

    def predict_paths(self, name: str) -> list[bytes]:
        """The addresses that lead to a prediction of a model, percent-encoded."""
        patterns = [route.pattern for route in self.routes if route.view is None]
        return [one.replace("{name}", quote(name)).encode() for one in patterns]


@dataclass(frozen=True, slots=True)
class Found:
    """What a path leads to.

    Attributes:
        route: what answers the method; None when nothing does.
        values: the named segments of the path.
        allowed: the methods that are answered there; empty when the path leads nowhere.
        protocol: that the address belongs to, whether something answers there or not; None: pages.
    """

    route: Route | None
    values: dict[str, str]
    allowed: tuple[str, ...]
    protocol: ServingProtocol | None


class Router:
    """All addresses of one app.

    Args:
        pages: routes that belong to no protocol.
        protocols: what programs are answered in.

    Attributes:
        predictions: found in the paths that lead to a prediction, percent-encoded, under any prefix.
    """

    def __init__(self, pages: Iterable[Route], protocols: Sequence[ServingProtocol] = ()) -> None:
        self.protocols = tuple(protocols)
        self.routes = (*pages, *(route for one in protocols for route in one.routes))
        self.predictions = _pattern_of(route for route in self.routes if route.view is None)
        self._by_length: dict[int, list[Route]] = {}
        for route in self.routes:
            self._by_length.setdefault(route.pattern.count("/") + 1, []).append(route)

    def find(self, method: str, path: str) -> Found:
        """What answers a method at a path. HEAD goes with GET; OPTIONS fits everywhere.

        Args:
            path: decoded, below the mount.
        """
        segments = path.split("/")
        wanted = "GET" if method == "HEAD" else method
        chosen: Route | None = None
        values: dict[str, str] = {}
        allowed: list[str] = []
        for route in self._by_length.get(len(segments), ()):
            matched = route.match(segments)
            if matched is None:
                continue
            allowed += route.methods
            if chosen is None and (wanted in route.methods or wanted == "OPTIONS"):
                chosen, values = route, matched
        if "GET" in allowed:
            allowed.append("HEAD")
        methods = (*allowed, "OPTIONS") if allowed else ()
        return Found(chosen, values, methods, self.protocol_of(path))

    def protocol_of(self, path: str) -> ServingProtocol | None:
        """The protocol that an address belongs to; None: it is one of the pages."""
        for one in self.protocols:
            if path.startswith(one.prefix):
                return one
        return None


def _pattern_of(routes: Iterable[Route]) -> re.Pattern[bytes]:
    """Matches the end of each path that leads to one of the routes; nothing where there is none."""
    ends = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route.pattern)) for route in routes]
    return re.compile("(?:{})\\Z".format("|".join(ends) or r"(?!)").encode())
