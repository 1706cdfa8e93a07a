"""Models appear: their permissions are made, and it is written down when which version came."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.db import router

from podium.errors import PodiumError

_log = logging.getLogger("podium")


def note_models(versions: Mapping[str, str]) -> None:
    """Make what is missing for models that are served here.

    Args:
        versions: the version that is served, by the model's name.

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
        if (name, version) in there:
            continue
        _, is_new = ServedModel.objects.get_or_create(name=name, version=version)
        if is_new:
            write("deployed", target=name, details={"version": version})


def after_migrate(*, using: str, **_: Any) -> None:
    """Make the permissions for the project's models as soon as there are tables for them."""
    from django.contrib.auth.models import Permission

    from podium.hosts.django.permissions import make_permissions

    if router.allow_migrate_model(using, Permission):
        make_permissions(_named(), using)


def _named() -> tuple[str, ...]:
    """The project's models; those that can't be opened get theirs once they can be."""
    from podium.hosts.django.host import current_host

    try:
        host = current_host()
        return host.options.names or tuple(host.bundles)
    except PodiumError as error:
        _log.warning("permissions_not_made: %s", error)
        return ()
