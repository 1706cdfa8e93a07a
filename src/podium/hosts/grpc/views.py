"""Calls about the server, its models and its repository, as the requests of REST that they equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from podium.errors import NotFound
from podium.http import Response

# A method, a path and a body.
RestRequest: TypeAlias = tuple[str, str, bytes]


@dataclass(frozen=True, slots=True)
class View:
    """A call, and its equal by REST.

    Attributes:
        request: the request for a message.
        fill: fills the message of the answer from the response.
        is_flag: whether a response that says no is an answer, and no error.
    """

    request: Callable[[Any], RestRequest]
    fill: Callable[[Any, Response], None]
    is_flag: bool = False

    def fails(self, response: Response) -> bool:
        """Whether the call fails with this response."""
        says_no = self.is_flag and response.status in (400, 404, 503)
        return response.status >= 400 and not says_no


def model_path(name: str, version: str = "", end: str = "") -> str:
    """The path of a model, decoded.

    Raises:
        NotFound: no path leads to such a name.
    """
    parts = ["", "v2", "models", name]
    parts += ["versions", version] if version else []
    parts += [end] if end else []
    if not name or "/" in name or "/" in version:
        raise NotFound(f"no model is called {name!r}", hint="send the name of a model")
    return "/".join(parts)


def _get(path: str) -> Callable[[Any], RestRequest]:
    return lambda _message: ("GET", path, b"")


def _of_model(end: str = "") -> Callable[[Any], RestRequest]:
    return lambda message: ("GET", model_path(message.name, message.version, end), b"")


def _statistics(message: Any) -> RestRequest:
    """Those of one model, or of all."""
    if not message.name:
        return "GET", "/v2/models/stats", b""
    return _of_model("stats")(message)


def _index(message: Any) -> RestRequest:
    return "POST", "/v2/repository/index", msgspec.json.encode({"ready": message.ready})


def _change(end: str) -> Callable[[Any], RestRequest]:
    def request_of(message: Any) -> RestRequest:
        name = model_path(message.model_name).rpartition("/")[2]
        parameters = dict.fromkeys(message.parameters, True) if end == "load" else {}
        body = msgspec.json.encode({"parameters": parameters})
        return "POST", f"/v2/repository/models/{name}/{end}", body

    return request_of


def _flag(field: str) -> Callable[[Any, Response], None]:
    return lambda answer, response: setattr(answer, field, response.status == 200)


def _same(answer: Any, response: Response) -> None:
    """REST has the same names in JSON."""
    _parse(_value(response), answer)


def _models(answer: Any, response: Response) -> None:
    _parse({"models": _value(response)}, answer)


def _config(answer: Any, response: Response) -> None:
    _parse({"config": _value(response)}, answer)


def _nothing(_answer: Any, _response: Response) -> None:
    """The answer has no fields."""


def _value(response: Response) -> Any:
    assert isinstance(response.body, bytes)  # views of the API aren't streamed
    return msgspec.json.decode(response.body)


def _parse(value: Mapping[str, Any], answer: Any) -> None:
    from google.protobuf.json_format import ParseDict

    ParseDict(value, answer, ignore_unknown_fields=True)


VIEWS = {
    "ServerLive": View(_get("/v2/health/live"), _flag("live"), is_flag=True),
    "ServerReady": View(_get("/v2/health/ready"), _flag("ready"), is_flag=True),
    "ModelReady": View(_of_model("ready"), _flag("ready"), is_flag=True),
    "ServerMetadata": View(_get("/v2"), _same),
    "ModelMetadata": View(_of_model(), _same),
    "ModelConfig": View(_of_model("config"), _config),
    "ModelStatistics": View(_statistics, _same),
    "RepositoryIndex": View(_index, _models),
    "RepositoryModelLoad": View(_change("load"), _nothing),
    "RepositoryModelUnload": View(_change("unload"), _nothing),
}
