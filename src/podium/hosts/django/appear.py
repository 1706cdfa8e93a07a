"""Registers models when they are first served: permissions, and an entry for each version."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import router


def note_models(versions: Mapping[str, str]) -> None:
    """Create what is missing for the served models.

    Args:
        versions: the served version, by the model's name; "" if it can't be served.

    Raises:
        Error: the database failed.
    """
    from django.contrib.auth.models import Permission

    from podium.hosts.django.audit import write
    from podium.hosts.django.models import ServedModel
    from podium.hosts.django.permissions import make_permissions

    make_permissions(versions, router.db_for_write(Permission))
    there = set(ServedModel.objects.filter(name__in=versions).values_list("name", "version"))
    for name, version in versions.items():
        if not version or (name, version) in there:
            continue
        _, is_new = ServedModel.objects.get_or_create(name=name, version=version)
        if is_new:
            write("deployed", target=name, details={"version": version})
