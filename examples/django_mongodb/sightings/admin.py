"""Sightings in the admin."""

from django.contrib import admin

from sightings.models import Sighting


@admin.register(Sighting)
class SightingAdmin(admin.ModelAdmin):
    list_display = ["species", "island", "probability", "seen_by", "seen_at"]
    list_filter = ["species", "island"]
    readonly_fields = ["species", "probability", "prediction_id", "seen_by", "seen_at"]
