"""Predictions and forms in the project's own code."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import ClassVar
from urllib.parse import urlencode

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy

from podium.errors import InvalidRows, SetupError
from podium.hosts.django import podium_form, predict
from podium.hosts.django.models import Prediction
from shop.forms import CustomerForm
from shop.models import Customer
from shop.tests.shop_case import GOOD, PREFIX, RecordsCase, ShopCase, with_podium

FORM = {name: str(value) for name, value in GOOD.items()}


class FromPython(RecordsCase):
    def test_one_row_gets_one_answer_that_is_recorded(self):
        ada = self.member("ada@shop.example")

        said = predict("loans", GOOD | {"income": Decimal("1000.50")}, user=ada, key=4711)

        assert said.prediction == "yes"
        assert said.probabilities == {"no": 0.25, "yes": 0.75}
        row = self.row(said.id)
        assert (row.actor, row.source) == ("ada@shop.example", "python")
        assert row.business_key == "4711"
        assert row.prediction == "yes"
        assert row.inputs == GOOD

    def test_more_rows_than_one_request_may_have_are_predicted_in_order(self):
        rows = (GOOD | {"member": i % 2 == 0} for i in range(2_500))

        said = predict("loans", rows)

        assert [one.prediction for one in said] == ["yes", "no"] * 1_250
        assert len({one.id for one in said}) == 2_500

    def test_values_of_a_query_are_rows(self):
        Customer.objects.create(name="Eve", age=30, plan="basic", since=dt.date(2024, 1, 1))
        rows = Customer.objects.values("age", "income", "plan", "note", "since")

        said = predict("loans", [row | {"member": False} for row in rows])

        assert [one.prediction for one in said] == ["no"]

    def test_a_lazy_text_is_a_text(self):
        assert predict("loans", GOOD | {"note": gettext_lazy("Home")}).prediction == "yes"

    def test_what_the_signature_refuses_is_reported_cell_by_cell(self):
        with pytest.raises(InvalidRows) as caught:
            predict("loans", GOOD | {"age": 200, "plan": "gold"})

        assert {cell.field for cell in caught.value.cells} == {"age", "plan"}

    def test_for_an_unknown_model_the_known_ones_are_listed(self):
        with pytest.raises(SetupError) as caught:
            predict("nope", GOOD)

        assert "loans" in caught.value.hint

    def test_the_manager_finds_predictions(self):
        ada = self.member("ada@shop.example")
        said = predict("loans", GOOD, user=ada)
        row = self.row(said.id)

        mine = Prediction.objects.of("loans").requested_by(ada)
        assert list(mine.since(row.time).until(row.time + dt.timedelta(seconds=1))) == [row]
        assert not mine.with_feedback().exists()
        assert mine.filter(inputs__plan="pro", outcome="yes").exists()


class TheFormOfAModel(ShopCase):
    def test_it_has_a_field_for_each_input_and_describes_what_it_accepts(self):
        html = podium_form("loans")().as_p()

        assert html.index('name="age"') < html.index('name="plan"') < html.index('name="since"')
        for part in (
            'type="number"',
            'type="checkbox"',
            'type="radio"',
            'type="date"',
            'max="120"',
        ):
            assert part in html
        assert "Seen in training: 0 to 90,000" in html

    def test_a_valid_one_predicts(self):
        form = podium_form("loans")(FORM)

        assert form.is_valid(), form.errors
        assert form.cleaned_data == GOOD | {"since": dt.date(2024, 3, 1)}
        assert form.predict().prediction == "yes"

    def test_it_refuses_in_the_words_of_the_api(self):
        form = podium_form("loans")(FORM | {"age": "x", "plan": "gold", "since": "2024-02-30"})
        with with_podium(public="*"):
            answer = self.browser().post(
                f"{PREFIX}/api/models/loans/predict",
                urlencode(form.data),
                content_type="application/x-www-form-urlencoded",
            )

        assert not form.is_valid()
        assert form.errors["age"] == ["Age isn't a number. Give a whole number from 0 to 120."]
        told = {name: errors.as_data()[0] for name, errors in form.errors.items()}
        for cell in answer.json()["cells"]:
            error = told.pop(cell["field"])
            assert error.code == cell["code"]
            assert f"{cell['problem']}. Give {cell['accepted']}." in error.message
        assert not told

    def test_what_may_be_missing_may_be_left_out(self):
        form = podium_form("loans")({**FORM, "income": "", "note": ""})

        assert form.is_valid(), form.errors
        assert form.cleaned_data["income"] is None
        assert form.predict().prediction == "yes"

    def test_an_unticked_checkbox_is_false(self):
        form = podium_form("loans")({key: FORM[key] for key in FORM if key != "member"})

        assert form.is_valid(), form.errors
        assert form.cleaned_data["member"] is False


CUSTOMER = {
    "name": "Eve",
    "age": "41",
    "income": "1000.50",
    "is_member": "on",
    "plan": "pro",
    "note": "",
    "since": "2024-03-01",
}


class TheFormOfATable(RecordsCase):
    def test_saving_it_fills_the_prediction_in(self):
        ada = self.member("ada@shop.example")
        form = CustomerForm(CUSTOMER)
        form.podium_user = ada

        customer = form.save()

        customer.refresh_from_db()
        assert (customer.granted, customer.chance) == ("yes", 0.75)
        row = self.row(customer.prediction_id)
        assert (row.actor, row.source) == ("ada@shop.example", "form")
        assert row.inputs["income"] == 1000.5

    def test_what_the_model_refuses_is_an_error_of_the_tables_field(self):
        form = CustomerForm(CUSTOMER | {"plan": "gold", "age": "200"})

        assert not form.is_valid()
        assert form.errors["plan"] == ["Plan isn't a known category. Give one of basic, pro."]
        assert "age" in form.errors
        with pytest.raises(ValueError, match="validate"):
            form.save()
        assert not Customer.objects.exists()

    def test_an_input_that_the_table_lacks_is_named(self):
        class Forgetful(CustomerForm):
            podium_inputs: ClassVar = {}

        with pytest.raises(ImproperlyConfigured) as caught:
            Forgetful(CUSTOMER).is_valid()

        assert "'member'" in str(caught.value)
