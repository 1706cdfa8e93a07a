"""The form for a sighting: saving it asks the model."""

from django import forms

from podium.hosts.django import PredictionFormMixin
from sightings.models import Sighting


class SightingForm(PredictionFormMixin, forms.ModelForm):
    podium_model = "penguins"
    podium_outputs = {"species": "prediction", "prediction_id": "id"}

    class Meta:
        model = Sighting
        fields = [
            "island",
            "bill_length_mm",
            "bill_depth_mm",
            "flipper_length_mm",
            "body_mass_g",
        ]

    def save(self, commit=True):
        self.instance.seen_by = self.podium_user
        sighting = super().save(commit=False)
        sighting.probability = self.predicted.probabilities[sighting.species]
        if commit:
            sighting.save()
        return sighting
