from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import msgspec
import pytest

import podium
from podium.hosts.grpc.schema import FILE, METHODS, SERVICE, STREAM, messages, pool

SCRIPT = Path(__file__).with_name("schema_beside.py")


def beside(python: Path, module: str, first: str, folder: Path) -> list[list[str]]:
    """What is different from another client's messages, in one process with them."""
    packages = folder / "packages"
    packages.mkdir()
    (packages / "msgspec").symlink_to(Path(msgspec.__file__).parent)
    source = Path(podium.__file__).parents[1]
    searched = os.pathsep.join(map(str, (source, packages)))
    done = subprocess.run(
        [python, SCRIPT, module, first],
        env={**os.environ, "PYTHONPATH": searched},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_fields_are_those_of_tritons_client_and_both_live_in_one_process(
    clients_python, tmp_path, first
):
    found = beside(clients_python, "tritonclient.grpc.service_pb2", first, tmp_path)

    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_what_kserves_client_sends_has_the_same_fields(clients_python, tmp_path, first):
    found = beside(clients_python, "kserve.protocol.grpc.grpc_predict_v2_pb2", first, tmp_path)

    assert [one for one in found if one[0].startswith("ModelInfer")] == []
    assert ["InferParameter", "double_param"] in found  # it has no such parameters


def test_the_default_pool_stays_as_it_was():
    from google.protobuf import descriptor_pool

    messages()

    with pytest.raises(KeyError):
        descriptor_pool.Default().FindFileByName(FILE)


def test_the_service_has_each_method_once():
    found = pool().FindServiceByName(SERVICE).methods_by_name

    assert sorted(found) == sorted((*METHODS, STREAM))
    assert found["ModelInfer"].input_type.full_name == "inference.ModelInferRequest"
    assert found[STREAM].server_streaming


def test_a_message_survives_its_bytes():
    made = messages()["ModelInferRequest"](model_name="loans", raw_input_contents=[b"\0"])
    made.parameters["priority"].uint64_param = 2**63
    made.inputs.add(name="age", datatype="FP64", shape=[-1, 1]).contents.fp64_contents.append(0.5)

    again = messages()["ModelInferRequest"].FromString(made.SerializeToString())

    assert again == made
    assert again.parameters["priority"].WhichOneof("parameter_choice") == "uint64_param"
