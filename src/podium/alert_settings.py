"""The table `[alerts]` of podium.toml: which windows are looked at, and who is told of alarms."""

from __future__ import annotations

from typing import Literal

import msgspec


class Alerts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is looked at for alarms, and where they are sent: nowhere else than here.

    Attributes:
        windows: that are looked at when they end.
        webhook: a URL to which alerts are sent as JSON.
        webhook_secret: signs what is sent there.
        email_to: addresses to which alerts are mailed.
        email: how mail is sent, as an address like smtp://user:password@host:587; by default as
            `accounts.email` has it.
        email_from: the sender of mails; by default as `accounts.email_from` has it.
    """

    windows: tuple[Literal["hour", "day", "week"], ...] = ("hour", "day", "week")
    webhook: str = ""
    webhook_secret: str = ""
    email_to: tuple[str, ...] = ()
    email: str = ""
    email_from: str = ""
