"""The OpenAPI document: valid, whole, and true of what the server really does."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from podium.errors import BadCell
from podium.http import Problem
from podium.protocols import openapi, router_of
from podium.testing import Client

MODELS = ("loans", "arrival-delay", "optional", "fragile")
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

FORMATS = FormatChecker(["date"])


@FORMATS.checks("date-time", ValueError)
def is_moment(value: object) -> bool:
    return not isinstance(value, str) or bool(dt.datetime.fromisoformat(value))


@pytest.fixture(scope="module")
def document(client: Client) -> dict[str, Any]:
    reply = client.get("/openapi.json?formats=all")

    assert (reply.status, reply.media) == (200, JSON)
    told: dict[str, Any] = reply.json()
    return told


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """What checks values by a schema of the document."""
    whole = schema | {"components": document["components"]}
    return Draft202012Validator(whole, format_checker=FORMATS)


def operation(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][f"/api/models/{name}/predict"]["post"]
    return found


@pytest.mark.slow
def test_it_is_openapi_3_1(document):
    OpenAPIV31SpecValidator(document).validate()

    assert document["openapi"] == "3.1.0"


@pytest.mark.slow
def test_every_schema_of_it_is_json_schema(document):
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_it_names_every_route_of_the_api_and_no_others(document):
    api = {
        (method.lower(), route.pattern.replace("{name}", name))
        for route in router_of().routes
        if not route.is_page and route.name not in ("openapi", "metrics", "static", "favicon")
        for method in route.methods
        for name in MODELS
    }

    told = {(method, path) for path, item in document["paths"].items() for method in item}

    assert told == api


def test_every_operation_has_a_name_of_its_own(document):
    names = [one["operationId"] for item in document["paths"].values() for one in item.values()]

    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z][A-Za-z0-9_]*", name)] == []


def test_every_tag_that_is_used_is_described_once(document):
    told = [tag["name"] for tag in document["tags"]]
    used = {tag for i in document["paths"].values() for one in i.values() for tag in one["tags"]}

    assert sorted(told) == sorted(used)


def test_names_that_look_alike_stay_different():
    names = ["a-b", "a.b", "a_b", "a_b_2", "2"]

    keys = openapi.keys_of(names)

    assert keys == {"a-b": "a_b", "a.b": "a_b_2", "a_b": "a_b_3", "a_b_2": "a_b_2_2", "2": "2"}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("which", ["row", "rows", "columns"])
def test_every_json_example_gets_a_response_as_described(client: Client, document, name, which):
    told = operation(document, name)
    content = told["requestBody"]["content"][JSON]
    value = content["examples"][which]["value"]
    validator(document, content["schema"]).validate(value)

    reply = client.post(f"/api/models/{name}/predict", value)

    assert (reply.status, reply.media) == (200, JSON)
    answer = told["responses"]["200"]["content"][JSON]["schema"]
    validator(document, answer).validate(reply.json())
    assert ("prediction" in reply.json()) == (which == "row")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("media", ["text/csv", "application/x-ndjson"])
def test_every_text_example_is_predicted(client: Client, document, name, media):
    told = operation(document, name)
    text = told["requestBody"]["content"][media]["example"]

    reply = client.post(f"/api/models/{name}/predict", body=text.encode(), content_type=media)

    assert reply.status == 200
    assert reply.media.partition(";")[0] == media
    assert media in told["responses"]["200"]["content"]


@pytest.mark.parametrize("name", MODELS)
def test_every_form_example_is_predicted(client: Client, document, name):
    fields = operation(document, name)["requestBody"]["content"][FORM]["example"]

    assert client.send_form(f"/api/models/{name}/predict", fields).status == 200


@pytest.mark.parametrize(
    ("value", "status"),
    [({"age": "old"}, "422"), ([{}] * 1_001, "413"), ({"age": {"deep": []}}, "422")],
)
def test_every_problem_is_as_described(client: Client, document, value, status):
    reply = client.post("/api/models/loans/predict", value)

    assert str(reply.status) == status
    content = operation(document, "loans")["responses"][status]["content"]
    validator(document, content["application/problem+json"]["schema"]).validate(reply.json())


@pytest.mark.parametrize("struct", [Problem, BadCell])
def test_the_schema_of_a_problem_has_the_fields_of_its_struct(document, struct):
    ours = document["components"]["schemas"][struct.__name__]
    template = "#/components/schemas/{name}"
    theirs = msgspec.json.schema_components([struct], ref_template=template)[1]
    of_struct = theirs[struct.__name__]

    assert ours["required"] == of_struct["required"]
    assert ours["properties"].keys() == of_struct["properties"].keys()
    for name, one in of_struct["properties"].items():
        kinds = [kind["type"] for kind in one.get("anyOf", [one])]
        assert ours["properties"][name]["type"] in kinds, name


def test_every_answer_that_is_no_success_is_a_problem(document):
    kinds = {
        (status, media)
        for item in document["paths"].values()
        for one in item.values()
        for status, response in one["responses"].items()
        if status not in ("101", "200", "201", "202", "204")
        for media in response["content"]
    }

    assert {media for status, media in kinds} == {"application/problem+json", JSON}
    assert {status for status, media in kinds if media == JSON} == {"503"}  # /readyz


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/api/models", "Models"),
        ("/api/models/loans", "ModelDetails"),
        ("/livez", "Alive"),
        ("/readyz", "Readiness"),
    ],
)
def test_descriptions_of_models_match_their_schema(client: Client, document, path, schema):
    validator(document, {"$ref": f"#/components/schemas/{schema}"}).validate(
        client.get(path).json()
    )


def test_what_is_refused_is_forbidden(document):
    schemas = document["components"]["schemas"]
    columns = schemas["loans_columns"]

    assert columns["additionalProperties"] is False
    assert {one["maxItems"] for one in columns["properties"].values()} == {1_000}
    takes = validator(document, {"$ref": "#/components/schemas/loans_row"}).is_valid
    assert not takes(GOOD | {"note": "a\0b"})
    assert not takes(GOOD | {"age": 2**53 + 2})


def test_an_open_server_names_no_security(document):
    assert "securitySchemes" not in document["components"]
    assert "security" not in document


def test_the_idempotency_key_is_described(client: Client, document):
    key, business_key = operation(document, "loans")["parameters"]
    assert business_key["name"] == "Podium-Key"

    assert key["name"] == "Idempotency-Key"
    for value in ("", "x" * 256, "x" * 255, "a b", "\x7f"):
        is_taken = Draft202012Validator(key["schema"]).is_valid(value)
        reply = client.post("/api/models/loans/predict", GOOD, idempotency_key=value)
        # An empty header is none.
        assert is_taken == (reply.status == 200) or not value


def test_under_a_prefix_its_addresses_hold_it(client: Client):
    document = openapi.describe(client.app.site, "/ml")

    assert document["servers"] == [{"url": "/ml"}]


@pytest.fixture(scope="module")
def takes(document: dict[str, Any]) -> Callable[[object], bool]:
    """Whether the document says that a row is accepted."""
    return validator(document, {"$ref": "#/components/schemas/loans_row"}).is_valid


numbers = st.integers(-3, 130) | st.floats(allow_nan=False, allow_infinity=False)
other = st.none() | st.booleans() | st.sampled_from(["", "pro", "2024-02-30", "1"]) | numbers
cells: dict[str, st.SearchStrategy[Any]] = {
    "age": st.integers(-1, 122),
    "income": st.floats(allow_nan=False, allow_infinity=False),
    "member": st.booleans(),
    "plan": st.sampled_from(["basic", "pro", "Pro", ""]),
    "rooms": st.sampled_from([1, 2, 3, 4, 1.0, "1", True]),
    "note": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=22),
    "since": st.dates(dt.date(1700, 1, 1)).map(str) | st.just("2024-1-1"),
    "asked": st.dates(dt.date(1700, 1, 1)).map(lambda day: f"{day}T12:30:00Z"),
    "more": st.just(1),
}
usual = ("age", "income", "member", "plan", "rooms", "note", "since", "asked")
rows = st.fixed_dictionaries(
    {name: cells[name] for name in usual}
    # One cell in a few is of any kind, left out, or of no field.
).flatmap(
    lambda row: (
        st.just(row)
        | st.builds(
            lambda name, value: row | {name: value}, st.sampled_from([*usual, "more"]), other
        )
        | st.sampled_from(usual).map(lambda name: {k: v for k, v in row.items() if k != name})
    )
)
GOOD = {
    "age": 41,
    "income": None,
    "member": True,
    "plan": "pro",
    "rooms": 2,
    "note": None,
    "since": "2024-03-01",
    "asked": None,
}


@pytest.mark.slow
@given(row=rows)
@example(row=GOOD)
@example(row=GOOD | {"age": 41.0})
@example(row=GOOD | {"age": 41.5})
@example(row=GOOD | {"age": 121})
@example(row=GOOD | {"rooms": True})
@example(row=GOOD | {"note": "x" * 21})
@example(row=GOOD | {"asked": ""})
@example(row=GOOD | {"asked": "2024-02-30T00:00:00Z"})
@example(row={})
def test_the_schema_of_a_row_accepts_what_the_server_accepts(client: Client, takes, row):
    reply = client.post("/api/models/loans/predict", row)

    assert reply.status in (200, 422)
    assert (reply.status == 200) == takes(row), reply.text


@pytest.mark.parametrize("is_single", [True, False])
def test_an_answer_with_warnings_is_as_described(client: Client, document, is_single):
    row = GOOD | {"income": 95_000}

    told = client.post("/api/models/loans/predict", row if is_single else [row, row]).json()

    assert len(told["warnings"]) == (1 if is_single else 2)
    name = "loans_answer" if is_single else "loans_answers"
    validator(document, {"$ref": f"#/components/schemas/{name}"}).validate(told)


def test_a_form_leaves_out_what_is_missing_and_never_sends_null(document):
    takes = validator(document, {"$ref": "#/components/schemas/loans_form"}).is_valid
    sent = {name: value for name, value in GOOD.items() if value is not None}

    assert takes(sent)
    assert [name for name in GOOD if takes(sent | {name: None})] == []
