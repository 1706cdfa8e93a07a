"""Writes the audit log: Podium's own events, and Django's about users and their permissions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.contrib.auth import signals as logins
from django.db.models import signals
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from podium.access import ALL, NOBODY, Actor
from podium.hosts.django.models import ApiToken, AuditEntry
from podium.hosts.django.models.audit import ACTOR_MAX, ADDRESS_MAX, EVENT_MAX, TARGET_MAX
from podium.hosts.django.models.prediction import owner_of
from podium.hosts.django.permissions import right_of

DETAIL_MAX = 500
# The columns of a user that matter for their permissions; of the password only the fact that it
# changed is logged.
_WATCHED = ("is_active", "is_staff", "is_superuser", "password", "email")
_BEFORE = "_podium_before"


@dataclass(frozen=True, slots=True)
class Asking:
    """The user of the current request; "" for anonymous requests and commands."""

    name: str = ""
    address: str = ""
    owner: str = ""


_NO_DETAILS: Mapping[str, str] = MappingProxyType({})
_asking: ContextVar[Asking] = ContextVar("podium_asking", default=Asking())  # noqa: B039 - frozen


class AuditMiddleware(MiddlewareMixin):
    """Tells the audit log who sends a request. Goes behind Django's AuthenticationMiddleware."""

    def process_request(self, request: HttpRequest) -> None:
        """Remember the user."""
        _asking.set(_asking_by(request))

    def process_response(self, request: HttpRequest, response: Any) -> Any:  # noqa: ARG002
        """Forget the user."""
        _asking.set(Asking())
        return response


def write(
    event: str,
    *,
    actor: Actor = NOBODY,
    target: str = "",
    details: Mapping[str, str] = _NO_DETAILS,
    asking: Asking | None = None,
) -> AuditEntry:
    """Add an entry.

    Args:
        actor: who did it; the user of the current request by default.
        target: who or what it was done to; the model, if there is one.
        asking: whose request it is, if the middleware can't know.

    Raises:
        Error: the database failed.
    """
    asking = asking or _asking.get()
    entry = AuditEntry(
        event=event[:EVENT_MAX],
        actor_id=_clean(actor.owner or asking.owner, ACTOR_MAX),
        actor=_clean(actor.name or asking.name, ACTOR_MAX),
        token=_clean(actor.via, 80),
        target=_clean(target or details.get("model", ""), TARGET_MAX),
        details={name: _clean(value, DETAIL_MAX) for name, value in details.items()},
        address=_clean(asking.address, ADDRESS_MAX),
    )
    entry.save()
    return entry


def watch() -> None:
    """Log logins, and changes to users' permissions."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group

    user: Any = get_user_model()
    uid = "podium-audit"
    logins.user_logged_in.connect(_logged_in, dispatch_uid=uid)
    logins.user_logged_out.connect(_logged_out, dispatch_uid=uid)
    logins.user_login_failed.connect(_login_failed, dispatch_uid=uid)
    signals.pre_save.connect(_user_about_to_change, sender=user, dispatch_uid=uid)
    signals.post_save.connect(_user_changed, sender=user, dispatch_uid=uid)
    signals.post_delete.connect(_user_deleted, sender=user, dispatch_uid=uid)
    signals.post_save.connect(_group_created, sender=Group, dispatch_uid=uid)
    signals.post_delete.connect(_group_deleted, sender=Group, dispatch_uid=uid)
    signals.post_save.connect(_token_changed, sender=ApiToken, dispatch_uid=uid)
    signals.m2m_changed.connect(_rights_changed, sender=Group.permissions.through, dispatch_uid=uid)
    for name, receiver in (("user_permissions", _rights_changed), ("groups", _members_changed)):
        through = getattr(getattr(user, name, None), "through", None)
        if through is not None:  # a project's own user model may lack them
            signals.m2m_changed.connect(receiver, sender=through, dispatch_uid=uid)


def _logged_in(*, request: HttpRequest | None, user: Any, **_: Any) -> None:
    write("logged_in", asking=_asking_as(user, request))


def _logged_out(*, request: HttpRequest | None, user: Any, **_: Any) -> None:
    if user is not None:
        write("logged_out", asking=_asking_as(user, request))


def _login_failed(*, credentials: Any, request: HttpRequest | None = None, **_: Any) -> None:
    # The caller isn't authenticated: the name they entered is the target, not the actor.
    said = next((credentials[name] for name in ("username", "email") if credentials.get(name)), "")
    write("login_failed", target=str(said), asking=Asking("", _asking_by(request).address))


def _user_about_to_change(*, instance: Any, raw: bool, update_fields: Any, **_: Any) -> None:
    is_of_interest = update_fields is None or set(update_fields) & set(_WATCHED)
    if raw or instance.pk is None or not is_of_interest:
        return
    names = [name for name in _WATCHED if has_field(instance, name)]
    before = type(instance)._default_manager.filter(pk=instance.pk).values(*names).first()  # noqa: SLF001
    setattr(instance, _BEFORE, before)


def _user_changed(*, instance: Any, created: bool, raw: bool, **_: Any) -> None:
    before = instance.__dict__.pop(_BEFORE, None)
    if raw:
        return
    name = instance.get_username()
    if created:
        flags = {flag: "yes" for flag in _WATCHED[1:3] if getattr(instance, flag, False)}
        write("user_made", target=name, details=flags)
        return
    for field, old in (before or {}).items():
        new = getattr(instance, field)
        if new != old and field == "password":
            write("password_changed", target=name)
        elif new != old and field == "email":
            write("user_changed", target=name, details={field: new or "none"})
        elif new != old:
            write("user_changed", target=name, details={field: "yes" if new else "no"})


def _user_deleted(*, instance: Any, **_: Any) -> None:
    write("user_deleted", target=instance.get_username())


def _group_created(*, instance: Any, created: bool, raw: bool, **_: Any) -> None:
    if not raw:
        write("group_made" if created else "group_changed", target=instance.name)


def _group_deleted(*, instance: Any, **_: Any) -> None:
    write("group_deleted", target=instance.name)


def _token_changed(
    *, instance: ApiToken, created: bool, raw: bool, update_fields: Any = None, **_: Any
) -> None:
    if raw:
        return
    if created:
        event = "token_made"
    elif update_fields is not None and "revoked_at" in update_fields:
        event = "token_revoked"
    else:
        event = "token_changed"
    write(
        event,
        target=instance.user.get_username(),
        details={
            "name": instance.name,
            "hint": instance.hint,
            "models": in_words(instance.model_names),
            "actions": in_words(instance.actions),
            "until": f"{instance.expires_at:%Y-%m-%d}",
        },
    )


def _rights_changed(**changed: Any) -> None:
    """Permissions were given to a user or a group, or taken away: one entry for each."""
    for event, one, permission in _links(("granted", "revoked"), **changed):
        of = "group" if one._meta.label == "auth.Group" else "user"  # noqa: SLF001
        write(event, target=str(one), details={"of": of, **_right(permission)})


def _members_changed(**changed: Any) -> None:
    """A user was added to groups or removed from them."""
    for event, one, group in _links(("joined", "left"), **changed):
        write(event, target=str(one), details={"groups": str(group)})


def _links(
    events: tuple[str, str],
    *,
    instance: Any,
    action: str,
    reverse: bool,
    model: Any,
    pk_set: Iterable[Any] | None,
    sender: Any,
    **_: Any,
) -> Iterator[tuple[str, Any, Any]]:
    """The event, and who gained or lost what, from whichever side the change was made."""
    if action not in ("post_add", "post_remove", "pre_clear"):
        return
    event = events[0] if action == "post_add" else events[1]
    for other in sorted(linked(instance, action, sender, model, pk_set), key=str):
        yield (event, other, instance) if reverse else (event, instance, other)


def _right(permission: Any) -> dict[str, str]:
    """A permission: the model and the action if it is ours, otherwise its name."""
    right = right_of(permission)
    if right is None:
        return {"permission": f"{permission.content_type.app_label}.{permission.codename}"}
    action, model = right
    return {"model": "every model" if model == ALL else model, "action": action.value}


def linked(instance: Any, action: str, sender: Any, model: Any, pks: Any) -> list[Any]:
    """The objects on the other side of a changed relation, as `m2m_changed` reports them."""
    found = model._default_manager  # noqa: SLF001 - as Django's own admin does
    if action != "pre_clear":
        return list(found.filter(pk__in=pks or ()))
    # Before the relation is cleared, while they can still be read.
    own = next(f for f in sender._meta.get_fields() if _leads_to(f, type(instance)))  # noqa: SLF001
    other = next(f for f in sender._meta.get_fields() if _leads_to(f, model))  # noqa: SLF001
    links = sender._default_manager.filter(**{own.name: instance})  # noqa: SLF001
    return list(found.filter(pk__in=links.values(f"{other.name}_id")))


def _leads_to(field: Any, model: Any) -> bool:
    target = field.remote_field.model if field.remote_field is not None else None
    return target is not None and issubclass(model, target)


def in_words(said: Sequence[str]) -> str:
    """The scope of a token, by its models or its actions."""
    return "all" if ALL in said else ", ".join(said) or "none"


def has_field(user: Any, name: str) -> bool:
    """Whether the project's users have this column: `is_active` may be a constant."""
    return any(field.name == name for field in user._meta.concrete_fields)  # noqa: SLF001


def _asking_by(request: HttpRequest | None) -> Asking:
    if request is None:
        return _asking.get()
    user: Any = getattr(request, "user", None)
    address = request.META.get("REMOTE_ADDR", "")
    if user is None or not user.is_authenticated:
        return Asking("", address)
    return Asking(user.get_username(), address, owner_of(user))


def _asking_as(user: Any, request: HttpRequest | None) -> Asking:
    """The user who logs in or out: the request may not know them yet, or no longer."""
    return Asking(user.get_username(), _asking_by(request).address, owner_of(user))


def _clean(text: str, most: int) -> str:
    """A text that every database can store: no NUL, no lone surrogates, not too long."""
    plain = str(text).encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return plain[:most]
