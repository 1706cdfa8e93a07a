"""Forms of the shop."""

from __future__ import annotations

from typing import ClassVar

from django import forms

from podium.hosts.django import PredictionFormMixin
from shop.models import Customer


class CustomerForm(PredictionFormMixin, forms.ModelForm):
    podium_model = "loans"
    podium_inputs: ClassVar = {"member": "is_member"}
    podium_outputs: ClassVar = {
        "granted": "prediction",
        "chance": "probabilities.yes",
        "prediction_id": "id",
    }

    class Meta:
        model = Customer
        fields: ClassVar = ["name", "age", "income", "is_member", "plan", "note", "since"]
