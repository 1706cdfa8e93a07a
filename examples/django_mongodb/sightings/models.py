"""What is measured of a penguin, and what the model says of it."""

from django.conf import settings
from django.db import models


class Sighting(models.Model):
    """One penguin; the last fields are filled in by the model."""

    ISLANDS = [(name, name) for name in ("Biscoe", "Dream", "Torgersen")]

    island = models.CharField(max_length=20, choices=ISLANDS)
    bill_length_mm = models.FloatField()
    bill_depth_mm = models.FloatField()
    flipper_length_mm = models.FloatField()
    body_mass_g = models.FloatField()
    seen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, editable=False)
    seen_at = models.DateTimeField(auto_now_add=True)
    species = models.CharField(max_length=20, editable=False)
    probability = models.FloatField(null=True, editable=False)
    prediction_id = models.CharField(max_length=32, editable=False)

    class Meta:
        ordering = ["-seen_at"]

    def __str__(self) -> str:
        return f"{self.species} on {self.island}"
