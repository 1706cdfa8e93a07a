"""Serves models until told to stop: our server, with accounts if the settings enable them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from podium.hosts.asgi import App
from podium.hosts.grpc.serving import reserved
from podium.hosts.server.serving import MakeApp, Tell, listening, print_addresses, run
from podium.outbox.deletion import Audit, no_audit
from podium.policy.bulk import is_local
from podium.settings import Settings, check_switches, read_settings

if TYPE_CHECKING:
    from podium.sources import Source


def serve(
    *models: Source,
    settings: Settings | None = None,
    tell: Tell | None = None,
    supervised: bool = False,
    **flags: Any,
) -> None:
    """Serve models until the process is stopped.

    Args:
        models: bundles, their files, folders of them, functions made with `@podium.model`, or
            `module:function`.
        settings: a complete Settings; by default made from `podium.toml`, `PODIUM_*` and `flags`.
        tell: called with the URL and the app once it listens; prints them by default.
        supervised: serve in a separate process, which is restarted if it ends; otherwise in this
            one, unless there are several workers. Libraries that started threads before (a model
            that was fitted in this process, for one) may not survive the fork.
        flags: single settings, by name.

    Raises:
        SetupError: a setting or a model can't be used, or the address is in use.
        UntrustedModel: a bundle contains a pickle that isn't trusted.
    """
    settings = settings or read_settings(flags)
    check_switches(settings, has_people=False, is_local=is_local(settings))
    tell = tell or print_addresses
    with listening(settings) as listener, reserved(settings) as settings:
        make_app: MakeApp = App
        audit: Audit = no_audit
        if settings.accounts.enabled:
            settings, tell, make_app, audit = _with_accounts(settings, tell)
        run(
            partial(make_app, *models),
            settings,
            listener,
            tell,
            supervised=supervised,
            audit=audit,
        )


def _with_accounts(settings: Settings, tell: Tell) -> tuple[Settings, Tell, MakeApp, Audit]:
    """Create the accounts' tables, before any process is forked, and print how to log in."""
    from podium.accounts.start import gated, prepare, welcome

    path = prepare(settings)
    # Once Django is configured.
    from podium.accounts.itself import audit_itself
    from podium.accounts.site import AccountsApp

    def tell_both(address: str, app: App) -> None:
        tell(address, app)
        print(welcome(settings, address, path), flush=True)

    return gated(settings), tell_both, AccountsApp, audit_itself
