"""Requests and responses of the protocol's REST form: JSON, with or without binary data behind it.

Sources: "Open Inference Protocol" (REST); Triton's "Binary Tensor Data Extension".
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Annotated, Any

import msgspec

from podium.errors import MalformedBody
from podium.flow.format import Decoded, ResponseData
from podium.flow.formats.json_rows import JSON, check_nesting
from podium.http import Request
from podium.protocols.oip.inputs import decoded
from podium.protocols.oip.outputs import check_wanted, output_tensors
from podium.protocols.oip.tensors import Tensor, of_raw, of_values
from podium.signature import Signature
from podium.signature.cells import printable

# The length of the JSON, where binary data follows it.
LENGTH_HEADER = "inference-header-content-length"
BINARY = "application/octet-stream"
_LENGTH = "; header-length="
_UNSUPPORTED = ("shared_memory_region", "classification")

Parameters = dict[str, Any]
Length = Annotated[int, msgspec.Meta(ge=0)]


class InputTensor(msgspec.Struct):
    """An input: `data` is flat or nested, or follows the JSON with `binary_data_size` bytes."""

    name: str
    shape: list[Length]
    datatype: str
    data: list[Any] | None = None
    parameters: Parameters | None = None


class WantedOutput(msgspec.Struct):
    """The name of an output; `binary_data` says how it is returned."""

    name: str
    parameters: Parameters | None = None


class InferRequest(msgspec.Struct):
    """A request; keys that the protocol doesn't know are ignored, as KServe's client sends some."""

    inputs: list[InputTensor]
    id: str = ""
    outputs: list[WantedOutput] | None = None
    parameters: Parameters | None = None


_DECODER = msgspec.json.Decoder(InferRequest)


class RestCodec:
    """Reads one request, and writes its response.

    Args:
        model: that the path names.
        length: of the JSON in the body, as the header says; "" if there is none.
    """

    name = "v2"

    def __init__(self, model: str, length: str = "") -> None:
        self._model = model
        self._length = length
        self._request = InferRequest([])

    @classmethod
    def of(cls, request: Request, model: str) -> RestCodec:
        """The codec for a request."""
        return cls(model, request.headers.get(LENGTH_HEADER, ""))

    def decode(self, body: bytes, media: str, signature: Signature, *, rows_max: int) -> Decoded:  # noqa: ARG002 - clients send any content type, or none
        """The columns in a request's tensors.

        Raises:
            MalformedBody: it is no request of this protocol, or its tensors don't fit the model.
            TooLarge: there are more than `rows_max` rows.
        """
        text, raw = self._parts(body)
        check_nesting(text, rows_max)
        self._request = _parsed(text)
        check_wanted(signature, self._model, [one.name for one in self._request.outputs or ()])
        for one in (*self._request.inputs, *(self._request.outputs or ())):
            check_parameters(one.name, one.parameters)
        return decoded(signature, _tensors(self._request.inputs, raw), rows_max=rows_max)

    def encode(self, data: ResponseData, layout: str, accept: str) -> tuple[bytes, str]:  # noqa: ARG002 - the request says which outputs are binary
        """The response's body, and its content type: that of binary data holds the JSON's length."""
        request = self._request
        wanted = request.outputs or ()
        is_binary = bool((request.parameters or {}).get("binary_data_output"))
        binary = {one.name: (one.parameters or {}).get("binary_data", is_binary) for one in wanted}
        outputs: list[Parameters] = []
        raw: list[bytes] = []
        for tensor in output_tensors(data, list(binary)):
            head = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
            if binary.get(tensor.name, is_binary):
                raw.append(tensor.raw())
                outputs.append(head | {"parameters": {"binary_data_size": len(raw[-1])}})
            else:
                outputs.append(head | {"data": tensor.values()})
        id_ = {"id": request.id} if request.id else {}
        origin = {"model_name": data.model, "model_version": data.version}
        text = msgspec.json.encode(origin | id_ | {"outputs": outputs})
        if not raw:
            return text, JSON
        return b"".join((text, *raw)), f"{BINARY}{_LENGTH}{len(text)}"

    def _parts(self, body: bytes) -> tuple[bytes, memoryview]:
        """The JSON, and the binary data behind it."""
        if not self._length:
            return body, memoryview(b"")
        is_number = self._length.isascii() and self._length.isdigit() and len(self._length) < 18
        if not is_number or int(self._length) > len(body):
            raise MalformedBody(
                f"Inference-Header-Content-Length is {printable(self._length)}, "
                f"but the body has {len(body)} bytes",
                hint="send the number of bytes of the JSON before the binary data",
            )
        length = int(self._length)
        return body[:length], memoryview(body)[length:]


def split_media(media: str) -> tuple[str, str]:
    """The content type that is sent, and the length of the JSON before binary data, or ""."""
    kind, _, length = media.partition(_LENGTH)
    return kind, length


def _parsed(text: bytes) -> InferRequest:
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(
            f"failed to parse the request JSON buffer: {error}",
            hint='send {"inputs": [{"name": ..., "shape": [n, 1], "datatype": ..., "data": [...]}]}',
        ) from error


def check_parameters(name: str, parameters: Container[str] | None) -> None:
    """Refuse the parameters of a tensor that ask for what isn't done here.

    Raises:
        MalformedBody: there is one.
    """
    for one in _UNSUPPORTED:
        if parameters and one in parameters:
            raise MalformedBody(
                f"'{printable(name)}' has the parameter {one}, which isn't supported",
                hint="send and ask for tensors themselves",
            )


def _tensors(inputs: Sequence[InputTensor], raw: memoryview) -> list[Tensor]:
    tensors: list[Tensor] = []
    for one in inputs:
        n_bytes = _binary_size(one)
        if n_bytes is None:
            tensors.append(of_values(one.name, one.datatype, one.shape, _flat(one)))
            continue
        if n_bytes > len(raw):
            raise MalformedBody(
                f"input '{printable(one.name)}' has {n_bytes} bytes of binary data, "
                f"but only {len(raw)} are left in the body"
            )
        tensors.append(of_raw(one.name, one.datatype, one.shape, bytes(raw[:n_bytes])))
        raw = raw[n_bytes:]
    if len(raw):
        raise MalformedBody(f"{len(raw)} bytes of binary data belong to no input")
    return tensors


def _binary_size(one: InputTensor) -> int | None:
    n_bytes = (one.parameters or {}).get("binary_data_size")
    if n_bytes is None and one.data is not None:
        return None
    if n_bytes is None or one.data is not None:
        raise MalformedBody(
            f"input '{printable(one.name)}' must have either data or binary_data_size"
        )
    if type(n_bytes) is not int or n_bytes < 0:
        raise MalformedBody(f"input '{printable(one.name)}' has an invalid binary_data_size")
    return n_bytes


def _flat(one: InputTensor) -> list[Any]:
    """The cells of an input, row by row."""
    cells = one.data or []
    if not cells or not isinstance(cells[0], list):
        return cells
    width = one.shape[-1] if len(one.shape) > 1 else -1
    if not all(isinstance(row, list) and len(row) == width for row in cells):
        raise MalformedBody(
            f"the data of input '{printable(one.name)}' isn't nested as its shape {one.shape} says"
        )
    return [cell for row in cells for cell in row]
