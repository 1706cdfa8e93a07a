"""The document in what generators of clients understand, with the same meaning."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from podium.protocols.portable import portable, with_one_body
from podium.testing import Client


@pytest.mark.parametrize(
    ("schema", "valid", "invalid"),
    [
        ({"enum": [1, "1", None, True]}, [1, "1", None, True], [2, "2", False, 1.5]),
        ({"enum": ["a", None]}, ["a", None], ["b", 0]),
        (
            {
                "type": "array",
                "prefixItems": [{"type": "number"}] * 2,
                "items": False,
                "minItems": 2,
                "maxItems": 2,
            },
            [[1, 2]],
            [[1], [1, 2, 3], ["a", 1]],
        ),
    ],
)
def test_a_portable_schema_accepts_the_same(schema, valid, invalid):
    for one in (schema, portable(schema)):
        check = Draft202012Validator(one)
        assert [check.is_valid(value) for value in valid] == [True] * len(valid)
        assert [check.is_valid(value) for value in invalid] == [False] * len(invalid)


def test_rows_of_users_stay_as_they_are():
    example = {"example": {"items": False, "maxItems": 1, "enum": [1, "a"]}}

    assert portable(example) == example


def test_each_operation_has_one_body_and_names_the_others(client: Client):
    whole = client.get("/openapi.json?formats=all").json()
    found = client.get("/openapi.json").json()

    operations = {
        (path, method): operation
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    }
    assert found == with_one_body(whole)
    assert set(found["paths"]) == set(whole["paths"])
    for (path, method), operation in operations.items():
        others = whole["paths"][path][method].get("requestBody", {"content": {}})["content"]
        kept = operation.get("requestBody", {"content": {}})["content"]
        assert len(kept) == min(1, len(others))
        assert all(media in operation["description"] for media in others.keys() - kept)
    predict = operations["/api/models/loans/predict", "post"]
    assert list(predict["requestBody"]["content"]) == ["application/json"]
