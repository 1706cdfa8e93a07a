"""Manifests of new projects are what Kubernetes, Kustomize, KEDA and KServe take: validated, never applied."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from click import Context
from packaging.requirements import Requirement
from packaging.version import Version

sys.path.insert(0, str(Path(__file__).parent))
from custom_resources import (  # the folder of these tests is no package
    KUSTOMIZATION,
    RAY_JOB,
    SCALED_OBJECT,
    templates_in,
)

from podium.cli.main import podium
from podium.hosts.server.serving import GRACE_S
from podium.hosts.server.supervisor import STOP_S
from podium.metrics.families import BY_NAME
from podium.projects.choices import APPS, DATABASES, Choices, fits
from podium.projects.dataset import Dataset
from podium.projects.deployment import RAY_VERSION
from podium.projects.files import project_files
from podium.settings import read_settings

Made = dict[str, Any]
ALL = [
    Choices("penguins", app, database, has_people=people)
    for app, database, people in itertools.product(APPS, DATABASES, [False, True])
    if fits(app, database)
]
SHARED = Choices("penguins", "none", "postgresql")  # has every one of the files
CUSTOM = {"Kustomization": KUSTOMIZATION, "ScaledObject": SCALED_OBJECT, "RayJob": RAY_JOB}
OF_KSERVE = ("ClusterServingRuntime", "InferenceService")


def texts_of(choices: Choices, dataset: Dataset) -> dict[str, str]:
    """The manifests of a project by path, below `kubernetes`."""
    files = project_files(choices, dataset, ()).items()
    folder = PurePosixPath("kubernetes")
    return {
        str(path.relative_to(folder)): text
        for path, text in files
        if folder in path.parents and path.suffix == ".yaml"
    }


@pytest.fixture(scope="module")
def projects(datasets: dict[str, Dataset]) -> dict[Choices, Made]:
    known: dict[str, Any] = {}  # most texts are the same in many projects

    def parsed(text: str) -> Any:
        if text not in known:
            known[text] = yaml.safe_load(text)
        return known[text]

    return {
        one: {path: parsed(text) for path, text in texts_of(one, datasets["penguins"]).items()}
        for one in ALL
    }


def check(document: Any) -> None:
    """Validate a manifest by the schema of its kind, in which unknown words are errors."""
    if document["kind"] in CUSTOM:
        jsonschema.validate(document, CUSTOM[document["kind"]])
        for pod in templates_in(document) if document["kind"] == "RayJob" else ():
            check(pod)
    else:
        latest = kubernetes_validate.latest_version()
        kubernetes_validate.validate(document, latest, strict=True)


def found_by_kserve(documents: list[Any], python: Path, folder: Path) -> list[str]:
    paths = [folder / f"{number}.yaml" for number, _ in enumerate(documents)]
    for path, document in zip(paths, documents, strict=True):
        path.write_text(yaml.safe_dump(document))
    script = Path(__file__).with_name("kserve_models.py")
    done = subprocess.run([python, script, *paths], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_whoever_reads_a_manifest_knows_every_word_of_it(projects: dict[Choices, Made]) -> None:
    checked: list[int] = []

    for document in (one for made in projects.values() for one in made.values()):
        if document["kind"] not in OF_KSERVE and id(document) not in checked:
            checked.append(id(document))
            check(document)
    kinds = {document["kind"] for made in projects.values() for document in made.values()}

    assert kinds == {
        *("Deployment", "StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy"),
        *("HorizontalPodAutoscaler", *CUSTOM, *OF_KSERVE),
    }


@pytest.mark.parametrize(
    ("path", "word", "wrong"),
    [
        ("base/app.yaml", "mountPath", "mountpath"),
        ("base/app.yaml", "terminationGracePeriodSeconds", "terminationGraceSeconds"),
        ("base/service.yaml", "targetPort", "target_port"),
        ("base/budget.yaml", "maxUnavailable", "maxUnavailible"),
        ("base/network.yaml", "policyTypes", "policyType"),
        ("base/kustomization.yaml", "newName", "newname"),
        ("hpa/hpa.yaml", "averageValue", "average"),
        ("keda/scaledobject.yaml", "serverAddress", "server"),
        ("keda/scaledobject.yaml", "minReplicaCount", "minReplicas"),
        ("ray/cluster.yaml", "rayStartParams", "startParams"),
        ("ray/cluster.yaml", "workingDir", "workdir"),
        ("ray/cluster.yaml", "authOptions", "auth"),
    ],
)
def test_a_misspelt_word_would_be_found(
    datasets: dict[str, Dataset], path: str, word: str, wrong: str
) -> None:
    text = texts_of(SHARED, datasets["penguins"])[path]
    assert word in text

    check(yaml.safe_load(text))
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        check(yaml.safe_load(text.replace(word, wrong)))


@pytest.mark.slow
def test_kserve_knows_every_word_and_would_find_a_misspelt_one(
    projects: dict[Choices, Made], clients_python: Path, tmp_path: Path
) -> None:
    of_kserve = [made for made in projects.values() if "kserve/runtime.yaml" in made]
    distinct = {
        id(one): one for made in of_kserve for path, one in made.items() if "kserve" in path
    }
    documents = list(distinct.values())
    text = yaml.safe_dump_all(
        [projects[SHARED][f"kserve/{name}.yaml"] for name in ("runtime", "service")]
    )
    wrong = [
        ("supportedModelFormats", "modelFormats"),
        ("storageUri", "storageURL"),
        ("mountPath", "mountTo"),
    ]
    spoilt = [one for word, other in wrong for one in yaml.safe_load_all(text.replace(word, other))]

    assert found_by_kserve(documents, clients_python, tmp_path) == []
    found = "\n".join(found_by_kserve(spoilt, clients_python, tmp_path))
    for _, other in wrong:
        assert other in found


def test_kserve_finds_its_container_and_the_server_finds_the_model(
    projects: dict[Choices, Made],
) -> None:
    for choices, made in projects.items():
        is_there = "kserve/runtime.yaml" in made
        assert is_there == (choices.app == "none" and not choices.has_people)
        if not is_there:
            continue
        runtime, service = made["kserve/runtime.yaml"], made["kserve/service.yaml"]
        (container,) = runtime["spec"]["containers"]
        model = service["spec"]["predictor"]["model"]
        variables = [*container["env"], *(one for one in model["env"] if "value" in one)]
        settings = read_settings(
            {"models": tuple(container["command"][2:])},
            environment={one["name"]: one["value"] for one in variables},
        )

        assert container["name"] == "kserve-container"
        assert settings.models == ("/mnt/models",)  # where KServe puts what storageUri names
        assert [settings.port] == [one["containerPort"] for one in container["ports"]]
        assert len(settings.allowed_hosts) == 3
        assert model["modelFormat"]["name"] in {
            one["name"] for one in runtime["spec"]["supportedModelFormats"]
        }
        assert settings.records == (choices.server is not None)


def test_the_nodes_of_ray_are_servers_of_the_project(projects: dict[Choices, Made]) -> None:
    for choices, made in projects.items():
        if "ray/cluster.yaml" not in made:
            assert choices.app != "none" or choices.has_people or choices.database == "sqlserver"
            continue
        spec = made["ray/cluster.yaml"]["spec"]
        (group,) = spec["rayClusterSpec"]["workerGroupSpecs"]
        (worker,) = group["template"]["spec"]["containers"]
        service = made["ray/service.yaml"]["spec"]
        head = spec["rayClusterSpec"]["headGroupSpec"]
        (deploying,) = head["template"]["spec"]["containers"]
        settings = read_settings(
            {}, environment={one["name"]: one["value"] for one in deploying["env"]}
        )
        secrets = {one["name"] for one in worker.get("env", ())}
        words = spec["entrypoint"].split()
        command = podium.get_command(Context(podium), words[1])

        assert command is not None
        assert command.parse_args(Context(command), words[2:]) == []
        assert service["selector"] == group["template"]["metadata"]["labels"]
        assert [settings.port] == [one["containerPort"] for one in worker["ports"]]
        assert settings.records == (choices.server is not None)
        assert ("PODIUM_STORE" in secrets) == settings.records
        assert head["rayStartParams"]["num-cpus"] == "0"
        assert spec["shutdownAfterJobFinishes"] is False
        assert spec["rayClusterSpec"]["authOptions"] == {"mode": "token"}
    assert Version(RAY_VERSION) in Requirement(extra_of("ray")).specifier


def extra_of(name: str) -> str:
    """What an extra of Podium requires of the package of the same name."""
    text = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    return next(one for one in text["project"]["optional-dependencies"][name] if name in one[:4])


def test_the_folders_of_kustomize_name_files_that_there_are(projects: dict[Choices, Made]) -> None:
    for choices, made in projects.items():
        for path, document in made.items():
            if document["kind"] != "Kustomization":
                continue
            folder = PurePosixPath(path).parent
            for name in document["resources"]:
                target = str(folder / name).replace(f"{folder}/../", "")
                assert target in made or f"{target}/kustomization.yaml" in made
        (image,) = made["base/kustomization.yaml"]["images"]
        containers = made["base/app.yaml"]["spec"]["template"]["spec"]["containers"]
        assert {one["image"].rpartition(":")[0] for one in containers} == {image["name"]}
        is_scaled = "hpa/hpa.yaml" in made and "keda/scaledobject.yaml" in made
        assert is_scaled != choices.has_files  # of which each pod would have its own
        assert is_scaled == ("hpa/kustomization.yaml" in made)


def test_what_scales_the_pods_asks_for_a_metric_that_there_is(
    projects: dict[Choices, Made],
) -> None:
    pods = projects[SHARED]["base/app.yaml"]
    hpa = projects[SHARED]["hpa/hpa.yaml"]["spec"]
    keda = projects[SHARED]["keda/scaledobject.yaml"]["spec"]
    (queried,) = (one for one in hpa["metrics"] if one["type"] == "Pods")
    (asked,) = (one for one in keda["triggers"] if one["type"] == "prometheus")

    assert BY_NAME[queried["pods"]["metric"]["name"]].kind == "gauge"
    assert re.findall(r"podium_\w+", asked["metadata"]["query"]) == ["podium_queue_rows"]
    for target in (hpa["scaleTargetRef"], keda["scaleTargetRef"]):
        assert target["kind"] == pods["kind"]
        assert target["name"] == pods["metadata"]["name"]


def test_a_pod_that_ends_has_the_time_that_the_server_takes(projects: dict[Choices, Made]) -> None:
    for choices, made in projects.items():
        spec = made["base/app.yaml"]["spec"]["template"]["spec"]
        (web,) = spec["containers"]
        variables = {one["name"]: one.get("value", "") for one in web.get("env", ())}
        if choices.app == "none":
            drain_s = float(variables["PODIUM_DRAIN_S"])
        else:  # gunicorn says nothing before it stops
            drain_s = float(web["lifecycle"]["preStop"]["exec"]["command"][1])
        # Workers, and then the shipper, are killed after STOP_S.
        assert spec["terminationGracePeriodSeconds"] > drain_s + max(GRACE_S, STOP_S) + STOP_S


def test_pods_are_reached_and_reach_what_they_need(projects: dict[Choices, Made]) -> None:
    for choices, made in projects.items():
        policy = made["base/network.yaml"]["spec"]
        labels = made["base/app.yaml"]["spec"]["template"]["metadata"]["labels"]
        ports = [one["port"] for rule in policy["egress"] for one in rule["ports"]]

        for selector in (
            policy["podSelector"],
            made["base/budget.yaml"]["spec"]["selector"],
            {"matchLabels": made["base/service.yaml"]["spec"]["selector"]},
        ):
            assert selector["matchLabels"] == labels
        assert ports[:2] == [53, 53]
        assert bool(ports[2:]) == (choices.server is not None)
    assert projects[SHARED]["base/network.yaml"]["spec"]["egress"][1]["ports"][0]["port"] == 5432


@pytest.mark.parametrize("path", ["base/app.yaml", "kserve/runtime.yaml"])
def test_pods_are_locked_in_and_watched(projects: dict[Choices, Made], path: str) -> None:
    for choices, made in projects.items():
        if path not in made:
            continue
        spec = made[path]["spec"]
        spec = spec["template"]["spec"] if "template" in spec else spec
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert set(container["resources"]["limits"]) == {"cpu", "memory"}
        (web,) = spec["containers"]
        assert (spec | web)["securityContext"]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= web.keys()
        if path == "base/app.yaml":
            assert spec["securityContext"]["runAsNonRoot"] is True
            has_disk = "volumeClaimTemplates" in made[path]["spec"]
            needs_disk = choices.database != "none" or choices.has_people or choices.app == "django"
            assert has_disk == needs_disk
