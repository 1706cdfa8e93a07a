"""Rows in the messages of the Open Inference Protocol, and responses as such messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from podium.errors import MalformedBody
from podium.flow.format import Decoded, DecodeLimits, ResponseData
from podium.flow.request import PredictRequest
from podium.flow.response import EncodedResponse
from podium.hosts.grpc.schema import messages
from podium.http import Request, Response
from podium.protocols.context import context_of
from podium.protocols.native import NATIVE
from podium.protocols.oip.inputs import decoded
from podium.protocols.oip.outputs import check_wanted, output_tensors
from podium.protocols.oip.rest import check_parameters
from podium.protocols.oip.tensors import BYTES, Tensor, of_raw, of_values
from podium.signature import Signature
from podium.signature.cells import printable
from podium.web import problems
from podium.web.router import ServingProtocol

MEDIA = "application/grpc+proto"
# The field of `InferTensorContents` for each datatype; FP16 has none.
CONTENTS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    BYTES: "bytes_contents",
}


class GrpcCodec:
    """Reads one request, and writes its response: with raw contents if it had them.

    Args:
        message: a ModelInferRequest.
    """

    name = "open-inference-grpc"

    def __init__(self, message: Any) -> None:
        self._message = message

    def decode(self, _body: bytes, _media: str, signature: Signature, *, rows_max: int) -> Decoded:
        """The columns in the input tensors.

        Raises:
            InputError: a tensor isn't what it says, or isn't for this model.
        """
        message = self._message
        # Before there is an object for each of them.
        n_names = max(len(message.inputs), len(message.outputs))
        DecodeLimits(frozenset(), rows_max).check_names(n_names)
        check_wanted(signature, message.model_name, [one.name for one in message.outputs])
        for one in (*message.inputs, *message.outputs):
            check_parameters(one.name, one.parameters)
        return decoded(signature, _tensors_of(message), rows_max=rows_max)

    def encode(self, data: ResponseData, _layout: str, _accept: str) -> tuple[bytes, str]:
        """A ModelInferResponse, as bytes."""
        asked = self._message
        response = messages()["ModelInferResponse"](
            model_name=data.model, model_version=data.version, id=asked.id
        )
        for one in output_tensors(data, [wanted.name for wanted in asked.outputs]):
            sent = response.outputs.add(name=one.name, datatype=one.datatype, shape=one.shape)
            if asked.raw_input_contents:
                response.raw_output_contents.append(one.raw())
            else:
                getattr(sent.contents, CONTENTS[one.datatype]).extend(_typed(one))
        return response.SerializeToString(), MEDIA


def _tensors_of(message: Any) -> list[Tensor]:
    raw = message.raw_input_contents
    if not raw:
        return [_of_contents(one) for one in message.inputs]
    if len(raw) != len(message.inputs):
        raise MalformedBody(
            f"there are {len(message.inputs)} inputs, but {len(raw)} raw_input_contents",
            hint="send one for each input, in the same order",
        )
    found = []
    for one, data in zip(message.inputs, raw, strict=True):
        if one.HasField("contents"):
            raise MalformedBody(
                f"input '{printable(one.name)}' has contents beside raw_input_contents",
                hint="send all inputs in one of the two ways",
            )
        found.append(of_raw(one.name, one.datatype, list(one.shape), data))
    return found


def _of_contents(one: Any) -> Tensor:
    """A tensor of typed contents."""
    wanted = CONTENTS.get(one.datatype)
    for field, _ in one.contents.ListFields():
        if field.name != wanted and one.datatype in CONTENTS:
            raise MalformedBody(
                f"input '{printable(one.name)}' has the datatype {one.datatype}, "
                f"but its contents are in {field.name}",
                hint=f"send them in {wanted}",
            )
    values = getattr(one.contents, wanted) if wanted else ()
    return of_values(one.name, one.datatype, list(one.shape), list(values))


def _typed(tensor: Tensor) -> Sequence[object]:
    values = tensor.values()
    return [str(one).encode() for one in values] if tensor.datatype == BYTES else values


def _read(request: Request, values: Mapping[str, str]) -> PredictRequest:  # noqa: ARG001 - a reader
    context = replace(context_of(request), lane=request.lane)
    return PredictRequest(request.body, MEDIA, context, GrpcCodec(request.native))


def _write(response: EncodedResponse) -> Response:
    return replace(NATIVE.write(response), media=MEDIA)


# It has no routes of its own: calls take those of REST, and are read and written otherwise.
GRPC = ServingProtocol(
    "open-inference-grpc", "", (), read=_read, write=_write, problem=problems.respond
)
