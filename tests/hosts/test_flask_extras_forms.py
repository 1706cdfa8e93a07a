"""Forms of WTForms made of signatures: fields, words, and life beside other forms."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFProtect
from werkzeug.datastructures import MultiDict
from wtforms import Form, FormField, StringField
from wtforms_alchemy import model_form_factory

import podium
from podium.bundle import Bundle
from podium.errors import InvalidRows
from podium.flow.prepare import prepare
from podium.flow.request import PredictRequest
from podium.flow.version import LoadedVersion
from podium.hosts.flask.forms import form_class
from podium.signature import Field, Signature
from podium.signature.fields import Category, Range


@podium.model
def churn(
    age: Annotated[float, podium.Range(0, 120), "In years."],
    plan: Literal["free", "pro"],
    region: Literal["north", "south", "east", "west", "abroad"],
    is_student: bool,
    n_seats: int = 1,
    since: dt.date | None = None,
    last_seen: dt.datetime | None = None,
    note: str = "",
) -> float:
    """How likely a customer leaves."""
    return age / 120


GOOD = {"age": "41", "plan": "pro", "region": "east", "is_student": "true"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return podium.pack(churn, name="churn", path=tmp_path_factory.mktemp("churn"))


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="a test's", WTF_CSRF_ENABLED=False)
    return app


@pytest.fixture
def sent(app: Flask, bundle: Bundle) -> Iterator[object]:
    """Makes the form of what a browser sends."""
    made = form_class("churn", bundle.signature)

    def send(**values: str) -> FlaskForm:
        with app.test_request_context("/", method="POST", data=values):
            return made()

    return send


def test_a_form_has_the_inputs_of_its_model_and_their_help(sent, app, bundle):
    form = sent(**GOOD)

    assert [field.name for field in form] == list(bundle.signature.names)
    assert form.age.description == "In years."
    assert (form.age.flags.required, form.note.flags.required) == (True, None)
    assert 'type="number"' in form.age()
    assert 'max="120"' in form.age()
    assert '<option selected value="east">' in form.region()
    assert 'value="pro"' in form.plan()
    assert 'type="date"' in form.since()
    assert 'type="datetime-local"' in form.last_seen()
    assert "<textarea" in form.note()


def test_a_valid_form_holds_the_row_that_the_model_takes(sent):
    form = sent(**GOOD, n_seats="3", since="2024-02-29", last_seen="2024-03-01T10:30", note="é\r\n")

    assert form.validate()
    assert form.row == {
        "age": 41.0,
        "plan": "pro",
        "region": "east",
        "is_student": True,
        "n_seats": 3,
        "since": dt.date(2024, 2, 29),
        "last_seen": dt.datetime.fromisoformat("2024-03-01T10:30"),
        "note": "é\n",
    }


def test_what_may_be_missing_may_be_left_out_and_an_empty_box_is_no(sent):
    form = sent(age="1", plan="free", region="north", n_seats="", since="")

    assert form.validate()
    assert form.row["n_seats"] is None
    assert form.row["since"] is None
    assert form.row["is_student"] is False


BAD = [
    {"age": ""},
    {"age": "old"},
    {"age": "121"},
    {"age": "nan"},
    {"plan": "gold"},
    {"plan": ""},
    {"region": "<b>"},
    {"n_seats": "1.5"},
    {"n_seats": "1e30"},
    {"since": "2024-02-30"},
    {"last_seen": "soon"},
    {"note": "\x00"},
    {"note": "x" * 10_001},
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_is_refused_is_refused_in_the_words_of_the_api(sent, bundle, bad):
    version = LoadedVersion(bundle)
    body = urlencode(GOOD | bad).encode()
    with pytest.raises(InvalidRows) as refused:
        prepare(version, PredictRequest(body, "application/x-www-form-urlencoded"))

    form = sent(**(GOOD | bad))

    assert not form.validate()
    (cell,) = refused.value.cells
    ((said,),) = form.errors.values()
    assert list(form.errors) == list(bad)
    assert said.startswith(f"{bundle.signature.field(cell.field).label} {cell.problem}.")
    assert cell.accepted in said


def test_what_was_typed_stays_in_the_form(sent):
    form = sent(**(GOOD | {"age": "old", "since": "2024-02-30", "region": "<b>"}))

    form.validate()

    assert 'value="old"' in form.age()
    assert 'value="2024-02-30"' in form.since()


def test_a_form_can_be_filled_by_a_program_and_checked(app, bundle):
    made = form_class("churn", bundle.signature)
    with app.test_request_context("/"):
        good = made(data={"age": 30.0, "plan": "pro", "region": "west", "is_student": False})
        bad = made(data={"age": "41", "plan": "pro", "region": "west", "note": 5})

    assert '<option selected value="west">' in good.region()
    assert good.validate()
    assert not bad.validate()
    assert list(bad.errors) == ["age", "note"]


def test_names_that_forms_have_already_hide_nothing(app):
    names = ("data", "errors", "validate", "row", "_age", "bill length", "class", "datetime_")
    signature = Signature(fields=tuple(Field(name=name) for name in names))
    made = form_class("odd", signature)

    with app.test_request_context("/", method="POST", data=dict.fromkeys(names, "2")):
        form = made()

    assert form.validate()
    assert form.row == dict.fromkeys(names, 2.0)
    assert form.errors == {}
    assert 'id="podium-f5"' in form["bill length"]()


def test_categories_keep_their_values_and_times_their_moments(app):
    numbers = tuple(Category(value) for value in (1.0, 2.0, 2.5))
    fields = (
        Field(name="rooms", type="category", categories=numbers),
        Field(name="is_new", type="boolean", missing="accept"),
        Field(name="at", type="datetime", bounds=Range("2024-01-01T00:00:00", None)),
    )
    made = form_class("flat", Signature(fields=fields))

    def sent(**values: str) -> FlaskForm:
        with app.test_request_context("/", method="POST", data=values):
            return made()

    good, late = sent(rooms="2.0", at="2024-05-01T10:00"), sent(rooms="3.0", at="2023-01-01T00:00")

    assert good.validate()
    assert good.row == {
        "rooms": 2.0,
        "is_new": None,
        "at": dt.datetime.fromisoformat("2024-05-01T10:00"),
    }
    assert 'checked id="rooms-1"' in good.rooms()
    assert not late.validate()
    assert list(late.errors) == ["rooms", "at"]


def test_the_token_of_flask_wtf_is_required(app, bundle):
    app.config["WTF_CSRF_ENABLED"] = True
    CSRFProtect(app)
    made = form_class("churn", bundle.signature)

    with app.test_request_context("/", method="POST", data=GOOD):
        form = made()
        is_valid = form.validate()

    assert not is_valid
    assert list(form.errors) == ["csrf_token"]


def test_it_lives_beside_the_forms_of_wtforms_alchemy(app, bundle):
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db = SQLAlchemy(app)

    class Customer(db.Model):
        id = sa.Column(sa.Integer, primary_key=True)
        name = sa.Column(sa.String(40), nullable=False)
        age = sa.Column(sa.Float)

    class Alchemy(model_form_factory(FlaskForm)):
        @classmethod
        def get_session(cls):
            return db.session

    inputs = form_class("churn", bundle.signature)

    class CustomerForm(inputs, Alchemy):
        class Meta:
            model = Customer
            only = ("name",)

    class Nested(Alchemy):
        class Meta:
            model = Customer
            only = ("name",)

        churn = FormField(form_class("churn", bundle.signature, Form))
        remark = StringField()

    with app.test_request_context("/", method="POST", data=GOOD | {"name": "Ada"}):
        one = CustomerForm()
        is_valid = one.validate()
        customer = Customer()
        one.populate_obj(customer)
    nested = MultiDict({f"churn-{name}": value for name, value in GOOD.items()} | {"age": "1"})
    nested["churn-age"] = "200"
    with app.test_request_context("/", method="POST", data=nested):
        both = Nested()
        is_nested_valid = both.validate()

    assert is_valid, one.errors
    assert (customer.name, customer.age) == ("Ada", 41.0)
    assert one.row["plan"] == "pro"
    assert not is_nested_valid
    assert both.errors["name"] == ["This field is required."]
    assert both.errors["churn"] == {"age": ["Age is out of range. Give a number from 0 to 120."]}
