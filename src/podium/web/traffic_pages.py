"""The traffic of a model: which version is tried on which requests, on the page of its versions."""

from __future__ import annotations

import math

from podium.access import Actor
from podium.deployments.rows import CHALLENGER, Mode, Rollout
from podium.errors import InputError
from podium.http import Request, Response
from podium.web import version_pages
from podium.web.pages import read_form
from podium.web.site import Site

NOTE_MAX = 1_000
MODES: tuple[Mode, ...] = ("canary", "shadow")


def set_traffic(
    site: Site,
    actor: Actor,
    model: str,
    wanted: str,
    *,
    share: float,
    mode: str,
    key: str = "",
    note: str = "",
    expected: str | None = None,
) -> Rollout:
    """Let a challenger answer or shadow a share of the requests, and audit it.

    Raises:
        InputError: there is no such mode, or as `Registry.set_traffic` has it.
        PodiumError: as `Versions.set_traffic`.
    """
    if mode not in MODES:
        raise InputError(f"{mode!r} is no mode of a rollout", hint=f"known: {', '.join(MODES)}")
    versions = version_pages.versions_of(site)
    rollout = versions.set_traffic(
        model,
        wanted,
        share=share,
        mode=mode,
        key=key,
        actor=actor.name,
        note=note[:NOTE_MAX],
        expected=expected,
    )
    version = versions.registry.find(model, rollout.digest)
    how = {"mode": rollout.mode, "share": f"{rollout.share:g}", "key": rollout.key}
    version_pages.audit(site, actor, "traffic_set", version, **how)
    return rollout


def stop(site: Site, actor: Actor, model: str, note: str = "") -> None:
    """Let the champion alone answer, and audit it.

    Raises:
        PodiumError: as `Versions.stop_traffic`.
    """
    versions = version_pages.versions_of(site)
    version = versions.registry.find(model, CHALLENGER)
    versions.stop(model, actor=actor.name, note=note[:NOTE_MAX])
    version_pages.audit(site, actor, "traffic_stopped", version)


def challenge(site: Site, actor: Actor, model: str, wanted: str, note: str) -> None:
    """Name the challenger, which gets no traffic by that, and audit it.

    Raises:
        PodiumError: as `Registry.challenge`.
    """
    versions = version_pages.versions_of(site)
    version = versions.registry.challenge(model, wanted, actor=actor.name, note=note[:NOTE_MAX])
    version_pages.audit(site, actor, "version_challenged", version)


def change(site: Site, request: Request, name: str) -> Response:
    """The form of the page: `POST /models/{name}/traffic`.

    Raises:
        InputError: the share is no number.
        PodiumError: as `set_traffic` and `stop`.
    """
    site.require_model(name, request.actor)
    _, sent = read_form(request, programs=f"/api/models/{name}/traffic")
    if "stop" in sent:
        stop(site, request.actor, name, sent.get("note", ""))
    else:
        set_traffic(
            site,
            request.actor,
            name,
            sent.get("version", ""),
            share=_share(sent.get("percent", "")),
            mode=sent.get("mode", ""),
            key=sent.get("key", ""),
            note=sent.get("note", ""),
            expected=sent.get("champion"),
        )
    return Response.redirect(request.url(f"/models/{name}/versions#traffic"))


def _share(percent: str) -> float:
    try:
        share = float(percent) / 100
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise InputError(
            f"{percent[:40]!r} is no share of the requests",
            hint="choose a number from 0 to 100, in per cent",
        )
    return share
