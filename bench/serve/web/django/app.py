import json as json_
import os
from pathlib import Path

import django
import requests
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

UPSTREAM = os.environ["UPSTREAM"]
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    INSTALLED_APPS=[],
    ROOT_URLCONF=__name__,
    SECRET_KEY="benchmark",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [Path(__file__).parent / "templates"],
        }
    ],
)
django.setup()

from django.db import models  # noqa: E402 - models need the settings

session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))


class Record(models.Model):
    id = models.TextField(primary_key=True)
    time = models.TextField()
    outcome = models.TextField()
    name = models.TextField()
    source = models.TextField()

    class Meta:
        app_label = "app"
        db_table = "records"
        managed = False


@csrf_exempt
def json(request):
    return JsonResponse({"message": f"Hello, {json_.loads(request.body)['name']}!"})


@csrf_exempt
def remote(request):
    number = json_.loads(request.body)["number"]
    return JsonResponse(session.get(f"{UPSTREAM}/{number}").json())


def complete(request):
    rows = list(Record.objects.values_list("id", "time", "outcome", "name", "source"))
    rows.append(("added", "2026-01-01 00:00:00", "Hello, you!", "you", "page"))
    rows.sort(key=lambda row: row[1], reverse=True)
    return render(request, "page.html", {"rows": rows})


urlpatterns = [path("json", json), path("remote", remote), path("complete", complete)]
app = get_wsgi_application()
