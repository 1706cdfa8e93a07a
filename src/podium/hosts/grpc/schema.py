"""The messages of the Open Inference Protocol, in a descriptor pool of their own.

protobuf allows each name once in a pool. The clients of Triton and KServe register the package
`inference` in the default one, so whoever imports ours beside theirs would get an error: nothing here
touches that pool.

Source: the protocol's gRPC definition, https://github.com/kserve/open-inference-protocol, and Triton's
extensions for a model's configuration, its statistics and the repository. The numbers of the fields are
what goes over the wire.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from podium.plugins import needs

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"
FILE = "podium_open_inference.proto"

# A message for each line without an indent; below it its fields: number, name and type, whether it is
# repeated or a map from strings, and the oneof that it belongs to. A dot is a message inside another.
MESSAGES = """
ServerLiveRequest
ServerLiveResponse
  1 live bool
ServerReadyRequest
ServerReadyResponse
  1 ready bool
ModelReadyRequest
  1 name string
  2 version string
ModelReadyResponse
  1 ready bool
ServerMetadataRequest
ServerMetadataResponse
  1 name string
  2 version string
  3 extensions string repeated
ModelMetadataRequest
  1 name string
  2 version string
ModelMetadataResponse
  1 name string
  2 versions string repeated
  3 platform string
  4 inputs ModelMetadataResponse.TensorMetadata repeated
  5 outputs ModelMetadataResponse.TensorMetadata repeated
ModelMetadataResponse.TensorMetadata
  1 name string
  2 datatype string
  3 shape int64 repeated
InferParameter
  1 bool_param bool oneof parameter_choice
  2 int64_param int64 oneof parameter_choice
  3 string_param string oneof parameter_choice
  4 double_param double oneof parameter_choice
  5 uint64_param uint64 oneof parameter_choice
InferTensorContents
  1 bool_contents bool repeated
  2 int_contents int32 repeated
  3 int64_contents int64 repeated
  4 uint_contents uint32 repeated
  5 uint64_contents uint64 repeated
  6 fp32_contents float repeated
  7 fp64_contents double repeated
  8 bytes_contents bytes repeated
ModelInferRequest
  1 model_name string
  2 model_version string
  3 id string
  4 parameters InferParameter map
  5 inputs ModelInferRequest.InferInputTensor repeated
  6 outputs ModelInferRequest.InferRequestedOutputTensor repeated
  7 raw_input_contents bytes repeated
ModelInferRequest.InferInputTensor
  1 name string
  2 datatype string
  3 shape int64 repeated
  4 parameters InferParameter map
  5 contents InferTensorContents
ModelInferRequest.InferRequestedOutputTensor
  1 name string
  2 parameters InferParameter map
ModelInferResponse
  1 model_name string
  2 model_version string
  3 id string
  4 parameters InferParameter map
  5 outputs ModelInferResponse.InferOutputTensor repeated
  6 raw_output_contents bytes repeated
ModelInferResponse.InferOutputTensor
  1 name string
  2 datatype string
  3 shape int64 repeated
  4 parameters InferParameter map
  5 contents InferTensorContents
ModelStreamInferResponse
  1 error_message string
  2 infer_response ModelInferResponse
ModelConfigRequest
  1 name string
  2 version string
ModelConfigResponse
  1 config ModelConfig
ModelConfig
  1 name string
  2 platform string
  4 max_batch_size int32
  5 input ModelInput repeated
  6 output ModelOutput repeated
  17 backend string
ModelInput
  1 name string
  2 data_type DataType
  4 dims int64 repeated
  8 optional bool
ModelOutput
  1 name string
  2 data_type DataType
  3 dims int64 repeated
ModelStatisticsRequest
  1 name string
  2 version string
ModelStatisticsResponse
  1 model_stats ModelStatistics repeated
ModelStatistics
  1 name string
  2 version string
  3 last_inference uint64
  4 inference_count uint64
  5 execution_count uint64
  6 inference_stats InferStatistics
  7 batch_stats InferBatchStatistics repeated
StatisticDuration
  1 count uint64
  2 ns uint64
InferStatistics
  1 success StatisticDuration
  2 fail StatisticDuration
  3 queue StatisticDuration
  4 compute_input StatisticDuration
  5 compute_infer StatisticDuration
  6 compute_output StatisticDuration
  7 cache_hit StatisticDuration
  8 cache_miss StatisticDuration
InferBatchStatistics
  1 batch_size uint64
  2 compute_input StatisticDuration
  3 compute_infer StatisticDuration
  4 compute_output StatisticDuration
ModelRepositoryParameter
  1 bool_param bool oneof parameter_choice
  2 int64_param int64 oneof parameter_choice
  3 string_param string oneof parameter_choice
  4 bytes_param bytes oneof parameter_choice
RepositoryIndexRequest
  1 repository_name string
  2 ready bool
RepositoryIndexResponse
  1 models RepositoryIndexResponse.ModelIndex repeated
RepositoryIndexResponse.ModelIndex
  1 name string
  2 version string
  3 state string
  4 reason string
RepositoryModelLoadRequest
  1 repository_name string
  2 model_name string
  3 parameters ModelRepositoryParameter map
RepositoryModelLoadResponse
RepositoryModelUnloadRequest
  1 repository_name string
  2 model_name string
  3 parameters ModelRepositoryParameter map
RepositoryModelUnloadResponse
"""
# The names of types in a model's configuration, in the order of their numbers.
DATA_TYPES = """
INVALID BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 STRING BF16
"""
# Each takes NAMERequest and returns NAMEResponse, except for the stream.
METHODS = (
    "ServerLive",
    "ServerReady",
    "ModelReady",
    "ServerMetadata",
    "ModelMetadata",
    "ModelInfer",
    "ModelConfig",
    "ModelStatistics",
    "RepositoryIndex",
    "RepositoryModelLoad",
    "RepositoryModelUnload",
)
STREAM = "ModelStreamInfer"


@cache
def messages() -> Mapping[str, Any]:
    """The class of each message, by its name; of one inside another with a dot.

    Raises:
        MissingExtra: protobuf isn't installed.
    """
    with needs("grpc"):
        from google.protobuf import message_factory
    types = pool().FindFileByName(FILE).message_types_by_name
    return {name: message_factory.GetMessageClass(one) for name, one in _flat(types)}


@cache
def pool() -> Any:
    """A descriptor pool with these messages, and nothing else.

    Raises:
        MissingExtra: protobuf isn't installed.
    """
    with needs("grpc"):
        from google.protobuf import descriptor_pool
    found = descriptor_pool.DescriptorPool()
    found.Add(_file())
    return found


def _flat(types: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, one in types.items():
        if not one.GetOptions().map_entry:
            found += [(before + name, one), *_flat(one.nested_types_by_name, f"{before}{name}.")]
    return found


def _file() -> Any:
    """The descriptor of the whole protocol."""
    from google.protobuf import descriptor_pb2

    file = descriptor_pb2.FileDescriptorProto(name=FILE, package=PACKAGE, syntax="proto3")
    file.enum_type.add(name="DataType").value.extend(
        descriptor_pb2.EnumValueDescriptorProto(name=f"TYPE_{name}", number=number)
        for number, name in enumerate(DATA_TYPES.split())
    )
    made: dict[str, Any] = {}
    path = ""
    for line in filter(None, MESSAGES.splitlines()):
        if line.startswith(" "):
            _add_field(made[path], path, line.split())
        else:
            path = line
            outer, _, name = path.rpartition(".")
            siblings = made[outer].nested_type if outer else file.message_type
            made[path] = siblings.add(name=name)
    service = file.service.add(name=SERVICE.rpartition(".")[2])
    for name in METHODS:
        service.method.add(
            name=name,
            input_type=f".{PACKAGE}.{name}Request",
            output_type=f".{PACKAGE}.{name}Response",
        )
    service.method.add(
        name=STREAM,
        input_type=f".{PACKAGE}.ModelInferRequest",
        output_type=f".{PACKAGE}.{STREAM}Response",
        client_streaming=True,
        server_streaming=True,
    )
    return file


def _add_field(message: Any, path: str, words: Sequence[str]) -> None:
    """Add the field of one line to the descriptor of its message."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as FieldProto

    number, name, kind, *how = words
    field = message.field.add(name=name, number=int(number), json_name=name)
    is_many = how in (["repeated"], ["map"])
    field.label = FieldProto.LABEL_REPEATED if is_many else FieldProto.LABEL_OPTIONAL
    if how == ["map"]:
        entry = message.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        _add_field(entry, "", ("1", "key", "string"))
        _add_field(entry, "", ("2", "value", kind))
        kind = f"{path}.{entry.name}"
    elif how[:1] == ["oneof"]:
        if not message.oneof_decl:
            message.oneof_decl.add(name=how[1])
        field.oneof_index = 0
    if kind.islower():
        field.type = getattr(FieldProto, f"TYPE_{kind.upper()}")
    else:
        field.type = FieldProto.TYPE_ENUM if kind == "DataType" else FieldProto.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{kind}"
