"""Calls by gRPC itself, in a process of their own: gRPC's threads don't survive a fork.

Arguments: what to do, the address, and a file with the certificate's authority or "". It prints JSON.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import threading
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.hosts.grpc.schema import METHODS, SERVICE, STREAM, messages

MESSAGES = messages()
NEVER = ("INTERNAL", "UNKNOWN")
SOAK = int(os.environ.get("PODIUM_SOAK", "1"))


def opened(address, authority):
    if not authority:
        return grpc.insecure_channel(address)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(Path(authority).read_bytes()))


def called(channel, method, body, *metadata, **options):
    """The status of a call, and its text or its answer."""
    call = channel.unary_unary(f"/{SERVICE}/{method}")
    try:
        return "OK", call(body, metadata=metadata, timeout=60, **options)
    except grpc.RpcError as error:
        return error.code().name, error.details()


def doubled(number, model="doubled"):
    message = MESSAGES["ModelInferRequest"](model_name=model)
    message.inputs.add(name="number", datatype="FP64", shape=[1])
    message.raw_input_contents.append(struct.pack("<d", number))
    return message.SerializeToString()


def prediction(answer):
    message = MESSAGES["ModelInferResponse"].FromString(answer)
    return struct.unpack("<d", message.raw_output_contents[0])[0]


# Names and datatypes that the models know, and others.
NAMES = st.sampled_from(["number", "age", "plan", "", "doubled", "loans"]) | st.text(max_size=5)
TYPES = st.sampled_from(["FP64", "FP32", "FP16", "INT64", "UINT64", "BOOL", "BYTES", "", "fp64"])
LENGTHS = st.integers(-1, 3) | st.sampled_from([2**31, 2**62, -(2**63)])
RAW = st.binary(max_size=24) | st.just(b"\0" * 8) | st.just(b"\1\0\0\0a")
CONTENTS = {
    "bool_contents": st.booleans(),
    "int_contents": st.integers(-(2**31), 2**31 - 1),
    "int64_contents": st.integers(-(2**63), 2**63 - 1),
    "uint_contents": st.integers(0, 2**32 - 1),
    "uint64_contents": st.integers(0, 2**64 - 1),
    "fp32_contents": st.floats(width=32),
    "fp64_contents": st.floats(),
    "bytes_contents": st.binary(max_size=5),
}


@st.composite
def requests(draw):
    message = MESSAGES["ModelInferRequest"](
        model_name=draw(st.sampled_from(["doubled", "loans", "loans", "nobody"]) | NAMES),
        model_version=draw(st.sampled_from(["", "", "", "1", "../1"])),
        id=draw(st.text(max_size=3)),
        raw_input_contents=draw(st.just([]) | st.lists(RAW, max_size=2)),
    )
    for _ in range(draw(st.integers(0, 3))):
        shape = draw(st.lists(LENGTHS, max_size=3))
        one = message.inputs.add(name=draw(NAMES), datatype=draw(TYPES), shape=shape)
        if draw(st.booleans()):
            field = draw(st.sampled_from(sorted(CONTENTS)))
            getattr(one.contents, field).extend(draw(st.lists(CONTENTS[field], max_size=4)))
        if draw(st.integers(0, 9)) == 0:
            one.parameters[draw(NAMES)].int64_param = 1
    for name in draw(st.lists(NAMES, max_size=1)):
        message.outputs.add(name=name)
    return message.SerializeToString()


# What is read from metadata, and what isn't.
KEYS = [
    "authorization",
    "idempotency-key",
    "podium-key",
    "traceparent",
    "x-forwarded-for",
    "accept",
]
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
METADATA = st.lists(
    st.tuples(st.sampled_from([*KEYS, "content-length", "cookie", "other"]), WORDS)
    | st.tuples(st.just("other-bin"), st.binary(max_size=9)),
    max_size=3,
)


def fuzz(channel):
    """Calls with anything; only what a model can't help may be a fault of the server's."""
    seen = set()

    @settings(max_examples=300 * SOAK, deadline=None, database=None)
    @given(requests() | st.binary(max_size=40), st.just([]) | METADATA)
    def infer(body, metadata):
        status, text = called(channel, "ModelInfer", body, *metadata)
        seen.add(status)
        assert status not in NEVER, text

    @settings(max_examples=50 * SOAK, deadline=None, database=None)
    @given(st.lists(requests() | st.binary(max_size=40), max_size=4))
    def streamed(bodies):
        answers = list(channel.stream_stream(f"/{SERVICE}/{STREAM}")(iter(bodies), timeout=60))
        assert len(answers) == len(bodies)
        for one in answers:
            text = MESSAGES["ModelStreamInferResponse"].FromString(one).error_message
            assert "the log has the details" not in text, text

    @settings(max_examples=150 * SOAK, deadline=None, database=None)
    @given(st.sampled_from(METHODS), st.binary(max_size=20), NAMES, NAMES)
    def view(method, body, name, version):
        kind = MESSAGES[f"{method}Request"]
        names = {one.name for one in kind.DESCRIPTOR.fields}
        values = {"name": name, "model_name": name, "version": version}
        made = kind(**{key: one for key, one in values.items() if key in names})
        for sent in (body, made.SerializeToString()):
            status, text = called(channel, method, sent)
            seen.add(status)
            assert status not in NEVER, text

    infer()
    streamed()
    view()
    return sorted(seen)


def services(channel):
    """The health of the server, and what reflection says."""
    stub = health_pb2_grpc.HealthStub(channel)
    names = ("", SERVICE)
    health = [stub.Check(health_pb2.HealthCheckRequest(service=one)).status for one in names]
    reflect = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health"),
    ]
    listed, *described = reflect(iter(asked))
    return {
        "health": health,
        "services": [one.name for one in listed.list_services_response.service],
        "files": [len(one.file_descriptor_response.file_descriptor_proto) for one in described],
    }


def rights(channel):
    """Calls with the tokens that come in, by name, and without any."""
    found = {}
    tokens = json.loads(sys.stdin.readline())
    for name, metadata in {
        "nobody": [],
        **{key: bearer(one) for key, one in tokens.items()},
    }.items():
        for method, body in (
            ("ModelInfer", doubled(4.0)),
            ("ServerReady", b""),
            ("ModelMetadata", MESSAGES["ModelMetadataRequest"](name="doubled").SerializeToString()),
            (
                "RepositoryModelLoad",
                MESSAGES["RepositoryModelLoadRequest"](model_name="doubled").SerializeToString(),
            ),
        ):
            found[f"{name} {method}"] = called(channel, method, body, *metadata)[0]
        found[f"{name} long"] = called(channel, "ModelInfer", b"\xff" * 20_000, *metadata)[0]
        status, listed = called(channel, "RepositoryIndex", b"", *metadata)
        index = MESSAGES["RepositoryIndexResponse"]()
        if status == "OK":
            index.MergeFromString(listed)
        found[f"{name} RepositoryIndex"] = [status, sorted(one.name for one in index.models)]
    return found


def bearer(token):
    return [("authorization", f"Bearer {token}")]


def quota(channel):
    """Calls with a token until one is refused: its status and metadata, and those of the first."""
    metadata = bearer(sys.stdin.readline().strip())
    call = channel.unary_unary(f"/{SERVICE}/ModelInfer")
    first, after = None, {}
    for n_calls in range(10_000):
        try:
            _, done = call.with_call(doubled(1.0), metadata=metadata, timeout=60)
            first = first or dict(done.trailing_metadata())
        except grpc.RpcError as error:
            after = dict(error.trailing_metadata())
            return {"n": n_calls, "status": error.code().name, "first": first, "after": after}
    return None


def workers(_channel):
    """How many processes answer connections of their own."""
    address, authority = sys.argv[2:]
    metadata = bearer(sys.stdin.readline().strip())
    seen = set()
    for number in range(200):
        # With another option each time, since equal channels share one connection.
        options = [("podium.number", number)]
        credentials = grpc.ssl_channel_credentials(Path(authority).read_bytes())
        with grpc.secure_channel(address, credentials, options) as channel:
            seen.add(
                prediction(called(channel, "ModelInfer", doubled(1.0, "process"), *metadata)[1])
            )
        if len(seen) == 2:
            break
    return len(seen)


def plain(_channel):
    """A client that doesn't speak TLS, and one that doesn't know the authority."""
    address = sys.argv[2]
    found = []
    for opened in (
        grpc.insecure_channel(address),
        grpc.secure_channel(address, grpc.ssl_channel_credentials()),
    ):
        with opened as channel:
            found.append(called(channel, "ServerLive", b"")[0])
    return found


def slow(seconds):
    message = MESSAGES["ModelInferRequest"](model_name="slow")
    one = message.inputs.add(name="seconds", datatype="FP64", shape=[1])
    one.contents.fp64_contents.append(seconds)
    return message.SerializeToString()


def deadline(channel):
    """A call that waits for another beyond its deadline, and how many the model answered."""

    def count():
        asked = MESSAGES["ModelStatisticsRequest"](name="slow").SerializeToString()
        answer = MESSAGES["ModelStatisticsResponse"].FromString(
            called(channel, "ModelStatistics", asked)[1]
        )
        return sum(one.inference_count for one in answer.model_stats)

    n_before = count()
    running = channel.unary_unary(f"/{SERVICE}/ModelInfer").future(slow(3.0))
    called(channel, "ServerLive", b"")  # by now the model runs
    try:
        channel.unary_unary(f"/{SERVICE}/ModelInfer")(slow(0.0), timeout=0.2)
    except grpc.RpcError as error:
        late = error.code().name
    running.result(60)
    return {"late": late, "n_answered": count() - n_before}


def drain(channel):
    """A call that is running when the server is told to stop, and one after that."""
    metadata = bearer(sys.stdin.readline().strip())
    method = channel.unary_unary(f"/{SERVICE}/ModelInfer")
    running = method.future(slow(1.0), metadata=metadata)
    watched = []
    arrived = threading.Event()

    def watch():
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            for one in stub.Watch(health_pb2.HealthCheckRequest()):
                watched.append(one.status)
                arrived.set()
        except grpc.RpcError:
            pass

    watching = threading.Thread(target=watch)
    watching.start()
    arrived.wait(60)
    print("running", flush=True)
    sys.stdin.readline()  # the server was told to stop
    answer = MESSAGES["ModelInferResponse"].FromString(running.result(60))
    watching.join(60)
    return {
        "answer": list(answer.outputs[0].contents.fp64_contents),
        "health": watched,
        "late": called(channel, "ServerLive", b"")[0],
    }


def stream(channel):
    """A stream whose client leaves in the middle."""
    call = channel.stream_stream(f"/{SERVICE}/{STREAM}")(iter([doubled(1.0), doubled(2.0)]))
    first = MESSAGES["ModelStreamInferResponse"].FromString(next(call))
    call.cancel()
    values = struct.unpack("<d", first.infer_response.raw_output_contents[0])
    return {"first": values, "after": prediction(called(channel, "ModelInfer", doubled(5.0))[1])}


def versions(channel):
    """Which version answers each key."""
    answers = [
        called(channel, "ModelInfer", doubled(1.0, "constant"), ("podium-key", f"k{n}"))[1]
        for n in range(40)
    ]
    return [MESSAGES["ModelInferResponse"].FromString(one).model_version for one in answers]


def main():
    task, address, authority = sys.argv[1:]
    with opened(address, authority) as channel:
        found = globals()[task](channel)
    print(json.dumps(found))


main()
