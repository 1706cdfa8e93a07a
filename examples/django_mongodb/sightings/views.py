"""The page of sightings."""

from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render

from sightings.forms import SightingForm
from sightings.models import Sighting


@login_required
def sightings(request):
    """The latest sightings, and the form for another one."""
    form = SightingForm(request.POST or None)
    form.podium_user = request.user
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("sightings")
    latest = Sighting.objects.select_related("seen_by")[:20]
    return render(request, "sightings/sightings.html", {"form": form, "sightings": latest})
