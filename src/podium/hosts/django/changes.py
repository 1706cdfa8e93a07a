"""Notices changes of permissions, so that processes that cache them read them again."""

from __future__ import annotations

import logging
import secrets
from functools import partial
from typing import Any

from django.db import Error, router, transaction
from django.db.models import signals

# The number 1, and an ObjectId in MongoDB.
_STAMP_ID = f"{1:024x}"
_log = logging.getLogger("podium")


def watch_changes() -> None:
    """Change the stamp whenever users, groups, permissions, memberships or tokens change.

    Bulk changes (`update()`, another program) send no signal, so permissions are also read again
    every half a minute.
    """
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group, Permission

    from podium.hosts.django.models import ApiToken

    user: Any = get_user_model()
    for model in (user, Group, Permission, ApiToken):
        watch_rows(model)
    links = [Group.permissions.through]
    for name in ("groups", "user_permissions"):
        # A project's own user model may lack them.
        link = getattr(getattr(user, name, None), "through", None)
        links += [] if link is None else [link]
    for through in links:
        signals.m2m_changed.connect(_changed, sender=through, dispatch_uid="podium-rights")


def watch_rows(model: Any) -> None:
    """Change the stamp whenever rows of a table change that permissions depend on."""
    signals.post_save.connect(_saved, sender=model, dispatch_uid="podium-rights")
    signals.post_delete.connect(_changed, sender=model, dispatch_uid="podium-rights")


def stamp() -> int:
    """The current stamp.

    Raises:
        Error: the database can't be read.
    """
    from podium.hosts.django.models import ChangeStamp

    # From the database for writes: a replica may be behind.
    rows = ChangeStamp.objects.using(router.db_for_write(ChangeStamp))
    return rows.filter(pk=_STAMP_ID).values_list("value", flat=True).first() or 0


def touch() -> None:
    """Make every process read the permissions again."""
    from podium.hosts.django.models import ChangeStamp

    rows = ChangeStamp.objects.using(router.db_for_write(ChangeStamp))
    value = secrets.randbits(62)
    if not rows.filter(pk=_STAMP_ID).update(value=value):
        rows.get_or_create(pk=_STAMP_ID, defaults={"value": value})


def _saved(*, update_fields: Any = None, using: str, raw: bool = False, **_: Any) -> None:
    if raw or (update_fields and set(update_fields) <= {"last_login", "last_used_at"}):
        return
    _changed(using=using)


def _changed(*, using: str, action: str = "", **_: Any) -> None:
    if action.startswith("pre_"):
        return
    # After the commit: a reader of the new stamp must find the change. And not within the
    # transaction, which would lock the stamp's row until it ends.
    transaction.on_commit(partial(_touched), using=using)


def _touched() -> None:
    try:
        touch()
    except Error as error:
        _log.error("rights_not_told: %s", error)
