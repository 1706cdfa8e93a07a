"""The OpenAPI document of the protocols that send rows: KServe's V1, MLflow's scoring, SageMaker's endpoints.

None of them is published with one that says what is sent; this is written after their servers and clients.

Source: "V1 Protocol", KServe; "Deploy MLflow Model as a Local Inference Server"; "InvokeEndpoint", SageMaker.
"""

from __future__ import annotations

from collections.abc import Sequence

from oip_document import Schema, get, in_path, list_of, object_of, post

NUMBER: Schema = {"type": "number", "minimum": 1, "maximum": 6}
TEXT: Schema = {"type": "string", "minLength": 1}
# What a caller may write in place of a cell.
CELL: Schema = {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "boolean"}, {}]}


def document(models: Sequence[str], name: str, fields: Sequence[str]) -> Schema:
    """The document of a server with these models; requests are as free as the protocols leave them.

    Args:
        name: a model of numbers, to whose paths requests are sent that fit it.
        fields: its fields.
    """
    model = [in_path("name", {"enum": [*models, "no such model"]})]
    row = object_of(dict.fromkeys(fields, NUMBER), {}) | {"additionalProperties": False}
    cells = list_of(NUMBER, minItems=len(fields), maxItems=len(fields))
    fitting = {"anyOf": [_rows(row), _rows(cells)]}
    free = {"anyOf": [list_of(CELL), list_of(list_of(CELL)), list_of({"type": "object"}), CELL]}
    forms = [object_of({key: free}, {}) for key in ("instances", "inputs", "dataframe_records")]
    frame = object_of(
        {"data": list_of(list_of(CELL))}, {"columns": list_of(TEXT), "index": list_of(CELL)}
    )
    scoring = {"anyOf": [*forms, object_of({"dataframe_split": frame}, {})]}
    paths: Schema = {
        "/v1/models": get(),
        "/v1/models/{name}": get(model),
        "/v1/models/{name}:predict": post(forms[0], model),
        "/v1/models/{name}:explain": post(forms[0], model),
        "/ping": get(),
        "/version": get(),
        "/invocations": post(scoring, csv="text/csv"),
        "/endpoints/{name}/invocations": post(
            {"anyOf": [scoring, free]}, model, csv="text/csv", lines="application/jsonlines"
        ),
        f"/v1/models/{name}:predict": post(object_of({"instances": fitting}, {})),
        f"/endpoints/{name}/invocations": post(fitting),
    }
    return {"openapi": "3.0.3", "info": {"title": "Rows", "version": "1"}, "paths": paths}


def _rows(row: Schema) -> Schema:
    return list_of(row, minItems=1, maxItems=3)
