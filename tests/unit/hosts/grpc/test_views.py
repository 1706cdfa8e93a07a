from __future__ import annotations

import pytest

from podium.errors import NotFound
from podium.hosts.grpc.schema import METHODS, messages
from podium.hosts.grpc.views import VIEWS, model_path
from podium.http import Response


def test_every_method_but_that_of_predictions_is_a_view():
    assert {*VIEWS, "ModelInfer"} == set(METHODS)


@pytest.mark.parametrize("name", ["", "a/b", "loans/stats", "../x", "/"])
def test_a_name_leads_to_no_other_path(name):
    for make in (model_path, lambda one: model_path("loans", one or "/")):
        with pytest.raises(NotFound):
            make(name)


def test_paths_are_those_of_rest():
    message = messages()["ModelConfigRequest"](name="loans", version="3")
    load = messages()["RepositoryModelLoadRequest"](model_name="loans")
    load.parameters["config"].string_param = "{}"

    assert VIEWS["ModelConfig"].request(message)[:2] == (
        "GET",
        "/v2/models/loans/versions/3/config",
    )
    assert VIEWS["RepositoryModelLoad"].request(load) == (
        "POST",
        "/v2/repository/models/loans/load",
        b'{"parameters":{"config":true}}',
    )


@pytest.mark.parametrize(
    ("status", "fails"), [(200, False), (503, False), (404, False), (401, True)]
)
def test_a_flag_is_false_where_rest_says_no(status, fails):
    view, answer = VIEWS["ModelReady"], messages()["ModelReadyResponse"]()

    view.fill(answer, Response(status=status))

    assert view.fails(Response(status=status)) is fails
    assert answer.ready is (status == 200)
    assert VIEWS["ModelMetadata"].fails(Response(status=404))
