"""Versions of a model: which there are, which answers, and how that is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from podium.access import Actor
from podium.bundle.card import Card
from podium.comparison.promotion import is_gated
from podium.deployments.registry import Registry
from podium.deployments.rows import CHALLENGER, CHAMPION, PREVIOUS, Event, Rollout, Version
from podium.deployments.versions import Versions
from podium.errors import NotFound, RegistryError, VersionChanged
from podium.http import Request, Response
from podium.web import gating, render
from podium.web.numbers import headline, moment_text
from podium.web.pages import read_form
from podium.web.site import Site

DIGEST_LETTERS = 12
EVENTS_SHOWN = 50
_DETAILS = msgspec.json.Decoder(dict[str, Any])
_ACTIONS = {
    "registered": "Registered",
    "promoted": "Promoted",
    "deployed": "Deployed",
    "rolled_back": "Rolled back to",
    "fixed": "Fixed in the settings",
    "released": "No longer fixed in the settings",
    "pruned": "Removed",
    "retrained": "Retrained",
    "retrain_failed": "Retraining failed",
    "challenged": "Challenger is",
    "canary": "Canary of",
    "shadow": "Shadow of",
    "stopped": "Ended the rollout of",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A version as the page shows it.

    Attributes:
        aliases: those that point to it.
        headline: how good it is, in a sentence; "" where its bundle can't be read.
        problem: why its bundle can't be read.
    """

    version: Version
    aliases: tuple[str, ...]
    time: str
    headline: str
    problem: str = ""

    @property
    def digest(self) -> str:
        """As much of it as tells it from others."""
        return self.version.digest[:DIGEST_LETTERS]

    @property
    def is_champion(self) -> bool:
        """Whether it answers."""
        return CHAMPION in self.aliases


def versions_of(site: Site) -> Versions:
    """What changes versions.

    Raises:
        NotFound: they are fixed here.
    """
    if site.versions is None:
        raise NotFound("the versions of the models are fixed here")
    return site.versions


def promote(
    site: Site,
    actor: Actor,
    model: str,
    wanted: str,
    note: str,
    expected: str | None,
    *,
    is_forced: bool = False,
) -> None:
    """Make a version the champion, as `Versions.promote` does, if its gates permit it; audit it."""
    versions = versions_of(site)
    champion = versions.registry.aliases(model).get(CHAMPION)
    details = gating.permit(site, versions.registry, model, wanted, note, is_forced=is_forced)
    if details and expected is None:
        expected = champion  # which the gates have compared it with
    version = versions.promote(
        model, wanted, actor=actor.name, note=note, expected=expected, details=details
    )
    audit(site, actor, "version_promoted", version)


def rollback(site: Site, actor: Actor, model: str, note: str, expected: str | None) -> None:
    """Make the previous version the champion again, and audit it."""
    version = versions_of(site).rollback(model, actor=actor.name, note=note, expected=expected)
    audit(site, actor, "version_rolled_back", version)


def index(site: Site, request: Request, name: str) -> Response:
    """The versions, and what happened to them: `GET /models/{name}/versions`."""
    registry, version = versions_of(site).registry, site.champion(name, request.actor)
    aliases = registry.aliases(name)
    lines = [_line(site, one, aliases) for one in registry.versions(name)]
    is_fixed = registry.is_fixed(name)
    candidate = None if is_fixed else _candidate(lines, request.query.get("promote", ""))
    return render.page(
        site,
        request,
        "versions.html",
        model=version,
        lines=lines,
        events=events_of(registry, name),
        champion=next((one for one in lines if one.is_champion), None),
        candidate=candidate,
        is_fixed=is_fixed,
        is_back=candidate is not None and PREVIOUS in candidate.aliases,
        is_gated=candidate is not None and _is_gated(site, candidate.version),
        traffic=_traffic(registry.rollout(name), aliases, [one.version for one in lines]),
    )


def change(site: Site, request: Request, name: str) -> Response:
    """The form of that page: `POST /models/{name}/versions`.

    Raises:
        UnsupportedMedia: the body is no form.
        VersionChanged: the champion is another one than the page showed.
    """
    site.require_model(name, request.actor)
    _, sent = read_form(request, programs=f"/api/models/{name}/aliases/champion")
    expected = sent.get("champion")
    if expected is None:
        raise VersionChanged(
            "the form doesn't say which version it replaces", hint="open the page again"
        )
    wanted, note = sent.get("version", ""), sent.get("note", "")[:1_000]
    if versions_of(site).registry.aliases(name).get(PREVIOUS) == wanted:
        rollback(site, request.actor, name, note, expected)
    else:
        is_forced = sent.get("force") == "yes"
        promote(site, request.actor, name, wanted, note, expected, is_forced=is_forced)
    return Response.redirect(request.url(f"/models/{name}/versions"))


def details_of(event: Event) -> dict[str, Any]:
    """What else is known of an event."""
    return _DETAILS.decode(event.details)


def _traffic(
    rollout: Rollout | None, aliases: dict[str, str], versions: list[Version]
) -> dict[str, Any]:
    """What the part about traffic needs."""
    champion, challenger = aliases.get(CHAMPION, ""), aliases.get(CHALLENGER, "")
    return {
        "rollout": rollout,
        "percent": 10.0 if rollout is None else 100 * rollout.share,
        "challenger": next((one for one in versions if one.digest == challenger), None),
        "champion": champion,
        "others": [one for one in versions if one.digest != champion],
    }


def _line(site: Site, version: Version, aliases: dict[str, str]) -> Line:
    own = tuple(alias for alias, digest in aliases.items() if digest == version.digest)
    text = problem = ""
    try:
        text = headline(_card(site, version))
    except RegistryError as error:
        problem = error.message
    return Line(version, own, moment_text(version.time_us), text, problem)


def _card(site: Site, version: Version) -> Card:
    live = site.find(version.model)
    if live is not None and live.bundle.digest == version.digest:
        return live.card
    return versions_of(site).registry.files.card(version)


def _is_gated(site: Site, version: Version) -> bool:
    registry, model = versions_of(site).registry, version.model
    return is_gated(registry, model, version.digest, gating.gates_of(site, model))


def events_of(registry: Registry, name: str) -> list[tuple[str, str, str, str, str]]:
    """What happened to a model's versions, newest first: when, what, which version, who, and why.

    Raises:
        RegistryError: the registry can't be read.
    """
    names = {one.digest: one.name for one in registry.versions(name)}
    return [_event(one, names) for one in registry.events(name, EVENTS_SHOWN)]


def _candidate(lines: list[Line], digest: str) -> Line | None:
    found = (one for one in lines if digest and one.version.digest == digest)
    return next((one for one in found if not one.is_champion), None)


def _event(event: Event, names: dict[str, str]) -> tuple[str, str, str, str, str]:
    """When, what, which version, who, and why."""
    action = _ACTIONS.get(event.action, event.action)
    details, digest = details_of(event), event.after or event.before
    if details.get("forced"):
        action += " against its gates"
    version = names.get(digest, digest[:DIGEST_LETTERS])
    if event.action in ("canary", "shadow"):
        version = f"{version}, {100 * details.get('share', 0):g} %"
    return moment_text(event.time_us), action, version, event.actor, event.note


def audit(site: Site, actor: Actor, event: str, version: Version, **more: str) -> None:
    """Write down what was done with a version."""
    details = {"model": version.model, "version": version.name, "digest": version.digest} | more
    site.authority.audit(actor, event, **details)
