"""Accounts, as settings: the table `[accounts]`, and the providers in it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID Connect provider for logins.

    Attributes:
        issuer: its URL; its metadata is read from `/.well-known/openid-configuration` there.
        client_id: the id of this server at the provider.
        client_secret: the secret that authenticates this server.
        name: on the button; by default that of the table.
        scopes: the requested scopes.
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    name: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")


class Accounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[accounts]`: users log in, and have permissions.

    Attributes:
        enabled: whether there are accounts; None if it isn't set.
        database: the address of their database; a SQLite file in `home` if empty.
        url: the public URL of this server; links in mails lead there.
        proxies: the number of trusted proxies in front, each of which appends to X-Forwarded-For.
        mfa: who must use a second factor; `auto` is staff, if other machines have access.
        email: how mail is sent, as an address like smtp://user:password@host:587; printed if empty.
        email_from: the sender of mails.
        backends: authentication back ends, in place of passwords stored here.
        oidc: providers for logins, by a short name.
        secret_key: signs cookies and links; created in `home` if empty.
        django: individual Django settings, for what has no setting here.
    """

    enabled: bool | None = None
    database: str = ""
    url: str = ""
    proxies: Annotated[int, msgspec.Meta(ge=0)] = 0
    mfa: Literal["auto", "optional", "staff", "everyone"] = "auto"
    email: str = ""
    email_from: str = ""
    backends: tuple[str, ...] = ()
    oidc: dict[str, Provider] = {}
    secret_key: str = ""
    django: dict[str, Any] = {}
