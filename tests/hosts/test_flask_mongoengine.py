"""The example with MongoEngine: records are documents of the app's own connection."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mongoengine as me
import pytest
from flask import Flask

from podium.errors import SetupError, StoreError
from podium.hosts.flask import Podium
from podium.hosts.flask.mongo import RecordDocument, opener_of
from podium.records.store import RecordQuery
from podium.testing import CountsContract
from podium.testing.stores.keeping import Keeping
from podium.testing.stores.samples import feedback, sample

pytestmark = pytest.mark.slow
EXAMPLE = Path(__file__).parents[2] / "examples" / "mongoengine"
PRO = {"name": "Ada", "age": 36, "plan": "pro"}


class Kept(RecordDocument):
    meta = {"db_alias": "kept", "collection": "kept_predictions"}  # noqa: RUF012 - MongoEngine's


@pytest.fixture(scope="module")
def shop() -> Iterator[Any]:
    sys.path.insert(0, str(EXAMPLE))
    shop = sys.modules.pop("shop", None)  # of other tests
    import shop as example

    yield example
    sys.path.remove(str(EXAMPLE))
    sys.modules.pop("fees", None)
    if shop is None:
        del sys.modules["shop"]
    else:
        sys.modules["shop"] = shop


@pytest.fixture
def app(shop, mongodb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setenv("FLASK_MONGODB_URL", mongodb.new_database())
    monkeypatch.setenv("FLASK_PODIUM_HOME", str(tmp_path))
    monkeypatch.setenv("FLASK_TESTING", "true")
    app = shop.create_app()
    yield app
    app.extensions["podium"].close()
    me.disconnect()


@pytest.fixture
def kept(mongodb) -> Iterator[Any]:
    """The app's connection of that alias."""
    yield connected(mongodb)
    me.disconnect("kept")


def connected(mongodb: Any) -> Any:
    return me.connect(host=mongodb.new_database(), alias="kept", uuidRepresentation="standard")


def waited_for(n_predictions: int, shop: Any) -> None:
    until_s = time.monotonic() + 60
    while shop.Prediction.objects.count() < n_predictions:
        assert time.monotonic() < until_s, "the records don't arrive"
        time.sleep(0.05)


def test_predictions_are_documents_that_the_app_can_query(app, shop):
    client = app.test_client()
    said = [client.post("/customers", json=PRO | {"age": age}).json for age in (20, 36)]
    client.post("/customers", json=PRO | {"plan": "free"})
    waited_for(3, shop)

    fees = client.get("/fees").json

    assert [one["fee"] for one in said] == [6.25, 12.5]
    assert fees["average"] == 6.25
    assert fees["latest"] == [
        {"inputs": {"age": 36.0, "plan": "pro"}, "fee": "12.5"},
        {"inputs": {"age": 20.0, "plan": "pro"}, "fee": "6.25"},
    ]
    (customer,) = shop.Customer.objects(age=20)
    found = shop.Prediction.objects.get(id=customer.prediction)
    assert (found.model, found.outcome_number) == ("fee", 6.25)
    assert type(found.time_us) is int


def test_the_pages_show_what_the_documents_hold(app, shop):
    client = app.test_client()
    id_ = client.post("/customers", json=PRO).json["prediction"]
    waited_for(1, shop)

    listed = client.get("/ml/models/fee/records")
    corrected = client.put(f"/ml/api/records/{id_}/feedback", json={"truth": 10})

    assert id_ in listed.text
    assert corrected.status_code == 200, corrected.text
    until_s = time.monotonic() + 60
    while shop.Prediction.objects.get(id=id_).feedback_truth is None:
        assert time.monotonic() < until_s
    assert shop.Prediction.objects.get(id=id_).feedback_truth == "10.0"


class TestStoreOfAnApp(Keeping, CountsContract):
    @pytest.fixture
    def store(self, kept) -> Iterator[Any]:
        store = opener_of(Kept)(Flask("app"))
        yield store
        store.close()


def test_the_connection_of_the_app_outlives_the_store(kept):
    store = opener_of(Kept)(Flask("app"))
    store.insert([sample(1)])
    store.set_feedback(sample(1).id, feedback("Gentoo"))

    store.close()

    assert Kept.objects.get(id=sample(1).id).feedback_truth == '"Gentoo"'
    names = {"podium_record_by_time", "podium_record_by_key"}
    assert names <= kept.get_default_database()["kept_predictions"].index_information().keys()


def test_documents_of_a_later_version_are_read(kept):
    store = opener_of(Kept)(Flask("app"))
    store.insert([sample(1)])
    documents = kept.get_default_database()["kept_predictions"]
    documents.update_one({}, {"$set": {"what_comes_later": 1}})

    assert Kept.objects.get(id=sample(1).id).outcome == "Adelie"
    assert store.page(RecordQuery(), limit=1).records == (sample(1),)
    store.close()


def test_an_app_that_connects_later_loses_nothing(mongodb):
    store = opener_of(Kept)(Flask("app"))

    with pytest.raises(StoreError, match="no connection for Kept") as raised:
        store.insert([sample(1)])
    connected(mongodb)

    assert "mongoengine.connect" in raised.value.hint
    assert store.insert([sample(1)]).inserted == 1
    store.close()
    me.disconnect("kept")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_that_was_forked_uses_the_connection_of_the_app(kept):
    """The driver warns of it, and connects again: `gunicorn --preload` does this."""
    opened = opener_of(Kept)
    store = opened(Flask("app"))
    store.insert([sample(1)])

    pid = os.fork()
    if not pid:  # the child: whatever happens, it must end here
        status = 1
        try:
            warnings.simplefilter("ignore")
            own = opened(Flask("app"))
            status = 0 if own.insert([sample(2)]).inserted == 1 else 2
            own.close()
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert store.insert([sample(2), sample(3)]).inserted == 1
    store.close()


@pytest.mark.parametrize("kind", [RecordDocument, me.Document])
def test_a_class_of_other_documents_is_refused(kind):
    app = Flask("app")

    with pytest.raises(SetupError, match="isn't a document of records") as raised:
        Podium(app, models={"fee": "fees:fee"}, store=kind)

    assert "class Prediction(RecordDocument)" in raised.value.hint
