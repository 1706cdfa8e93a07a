"""Single rows that are valid as they are, as most calls send them: read by the model's types, in no thread.

A row is put into JSON for the model's `TypedReader`, so that there is one reader of typed rows; that takes
a fraction of the time in which tensors are validated cell by cell. Whatever isn't common or isn't valid
goes the longer way, and gets the same response from there, or the error.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import isfinite
from typing import Any

import msgspec

from podium.deployments.traffic import Traffic
from podium.flow.format import ResponseData
from podium.flow.job import job_digest
from podium.flow.prepare import read_row
from podium.flow.request import Prepared
from podium.flow.submission import AwaitedSubmission
from podium.flow.version import LoadedVersion
from podium.hosts.asgi import App
from podium.hosts.grpc.codec import CONTENTS, GRPC, GrpcCodec
from podium.http import Request, Response
from podium.protocols.oip.outputs import output_specs
from podium.protocols.oip.tensors import BYTES
from podium.signature import Signature
from podium.web import routes

# Longer messages may take longer than a switch to a thread and back.
BYTES_MAX = 16_384
# The codes of cells in raw contents, for `struct`.
_CODES = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
_LENGTH_BYTES = 4  # before each text


class QuickCalls:
    """Answers calls for one row, where that is possible on the event loop.

    Args:
        app: whose models predict.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        # Otherwise the caller is identified in a thread, or by a coroutine.
        self._is_possible = getattr(app.site.authority, "of_token", None) is not None

    def prepared(self, request: Request) -> tuple[LoadedVersion, Prepared] | None:
        """The version that answers a call, and its row; None: it goes the longer way.

        Args:
            request: with a ModelInferRequest.
        """
        message, site = request.native, self._app.site
        name = message.model_name
        deployment = site.deployments.get(name)
        if not self._is_possible or deployment is None or name in site.failures:
            return None
        # Keys are looked up in a file that other processes write to.
        is_plain = not message.model_version and "idempotency-key" not in request.headers
        if not is_plain or len(request.body) > BYTES_MAX:
            return None
        version = _version_of(deployment.traffic)
        body = None if version is None else json_of(message, version.signature)
        if version is None or body is None or self._app.service.batcher(version) is None:
            return None
        prepared = read_row(version, body)
        return None if prepared is None else (version, prepared)

    async def respond(
        self, request: Request, version: LoadedVersion, prepared: Prepared
    ) -> Response:
        """The response to a call with this row."""
        site = self._app.site
        batcher = self._app.service.batcher(version)
        assert batcher is not None  # `prepared` looked
        try:
            request = routes.admitted(site, request)
            asked = GRPC.read(request, {})
            digest = job_digest(request.body) if batcher.is_guarded else b""
            submission = AwaitedSubmission(version, asked.context, prepared, digest=digest)
            batcher.submit(submission)
            await submission.future
            outputs, ids = submission.outputs, submission.ids
            data = ResponseData(version.name, version.version, version.signature, outputs, ids)
            body, media = GrpcCodec(request.native).encode(data, "", "")
        except Exception as error:  # noqa: BLE001 - becomes a problem, as in the other lanes
            return routes.failed(site, request, error)
        headers = {} if request.verdict is None else dict(request.verdict.headers)
        return Response(body, 200, media, headers)


def json_of(message: Any, signature: Signature) -> bytes | None:
    """The row of a ModelInferRequest as an object in JSON; None if it isn't a common one."""
    names, inputs, raw = signature.names, message.inputs, message.raw_input_contents
    if len(raw) not in (0, len(inputs)) or not _are_known(message.outputs, signature):
        return None
    is_whole = len(inputs) == 1 < len(names)
    width = len(names) if is_whole else 1
    found: list[object] = []
    for place, one in enumerate(inputs):
        if one.shape != [1, width] and (is_whole or one.shape != [1]):
            return None
        cells = None if one.parameters else _cells_of(one, raw[place] if raw else None)
        if cells is None or len(cells) != width:
            return None
        found += cells
    row = dict(zip(names if is_whole else [one.name for one in inputs], found, strict=True))
    # JSON has neither NaN nor infinities; and tensors may not have the same name.
    is_odd = any(type(cell) is float and not isfinite(cell) for cell in found)
    return None if is_odd or len(row) != len(found) else msgspec.json.encode(row)


def _version_of(traffic: Traffic) -> LoadedVersion | None:
    """The version that answers everybody."""
    return traffic.champion if traffic.canary is None else None


def _are_known(wanted: Sequence[Any], signature: Signature) -> bool:
    """Whether the outputs that a call names are there, and it wants them as they are."""
    if not wanted:
        return True
    known = {one.name for one in output_specs(signature, has_ids=True)}
    return all(one.name in known and not one.parameters for one in wanted)


def _cells_of(one: Any, raw: bytes | None) -> Sequence[object] | None:
    """The cells of an input; None if they aren't what it says."""
    if raw is None:
        fields = one.contents.ListFields()
        if len(fields) != 1 or fields[0][0].name != CONTENTS.get(one.datatype):
            return None
        cells: Sequence[Any] = fields[0][1]
        return cells if one.datatype != BYTES else _texts(cells)
    if one.HasField("contents"):
        return None
    if one.datatype == BYTES:  # a single one
        length, text = raw[:_LENGTH_BYTES], raw[_LENGTH_BYTES:]
        return _texts([text]) if length == len(text).to_bytes(_LENGTH_BYTES, "little") else None
    code = _CODES.get(one.datatype)
    if code is None or len(raw) % struct.calcsize(code):
        return None
    return struct.unpack(f"<{len(raw) // struct.calcsize(code)}{code}", raw)


def _texts(cells: Sequence[bytes]) -> list[str] | None:
    try:
        return [cell.decode() for cell in cells]
    except UnicodeDecodeError:
        return None
