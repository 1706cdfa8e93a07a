"""Changes to credentials are audited, and their owner is notified by mail."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as accounts
from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.mfa import signals as factors
from allauth.socialaccount import signals as elsewhere
from django.db.models.signals import post_save

from podium.hosts.django.audit import write
from podium.hosts.django.models import ApiToken


def watch() -> None:
    """Start to watch. Passwords, logins and tokens are audited in every Django project."""
    uid = "podium-ways-in"
    accounts.email_added.connect(_address_added, dispatch_uid=uid)
    accounts.email_changed.connect(_address_changed, dispatch_uid=uid)
    accounts.email_removed.connect(_address_removed, dispatch_uid=uid)
    accounts.authentication_step_completed.connect(_proved, dispatch_uid=uid)
    factors.authenticator_added.connect(_factor("second_factor_added"), weak=False)
    factors.authenticator_removed.connect(_factor("second_factor_removed"), weak=False)
    factors.authenticator_reset.connect(_factor("second_factor_reset"), weak=False)
    factors.authentication_failed.connect(_factor("second_factor_failed"), weak=False)
    elsewhere.social_account_added.connect(_connected, dispatch_uid=uid)
    elsewhere.social_account_removed.connect(_disconnected, dispatch_uid=uid)
    post_save.connect(_token_created, sender=ApiToken, dispatch_uid=uid)


def _address_added(*, user: Any, email_address: Any, **_: Any) -> None:
    write("email_requested", target=user.get_username(), details={"to": email_address.email})


def _address_changed(
    *, user: Any, from_email_address: Any, to_email_address: Any, **_: Any
) -> None:
    before = "" if from_email_address is None else from_email_address.email
    details = {"from": before, "to": to_email_address.email}
    write("email_changed", target=user.get_username(), details=details)


def _address_removed(*, user: Any, email_address: Any, **_: Any) -> None:
    write("email_removed", target=user.get_username(), details={"from": email_address.email})


def _proved(*, user: Any, method: str, reauthenticated: bool = False, **_: Any) -> None:
    if reauthenticated:
        write("reauthenticated", target=user.get_username(), details={"by": method})


def _factor(event: str) -> Any:
    def changed(*, user: Any, authenticator: Any, **_: Any) -> None:
        write(event, target=user.get_username(), details={"kind": str(authenticator.type)})

    return changed


def _connected(*, sociallogin: Any, **_: Any) -> None:
    account = sociallogin.account
    details = {"provider": account.provider, "uid": account.uid}
    write("login_elsewhere_connected", target=sociallogin.user.get_username(), details=details)


def _disconnected(*, socialaccount: Any, **_: Any) -> None:
    details = {"provider": socialaccount.provider, "uid": socialaccount.uid}
    write("login_elsewhere_removed", target=socialaccount.user.get_username(), details=details)


def _token_created(*, instance: ApiToken, created: bool, raw: bool, **_: Any) -> None:
    """Notify its owner, whoever created it on whichever page; scripts do so themselves."""
    if created and not raw and context.request is not None:
        prefix = "podium_accounts/email/token_made"
        get_adapter().send_notification_mail(prefix, instance.user, {"token": instance})
