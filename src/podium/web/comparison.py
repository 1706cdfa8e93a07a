"""Two versions compared: what the API tells of it, and the page that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from podium.bundle.card import Card
from podium.comparison.compare import compare
from podium.comparison.report import SHARES, Comparison, Difference, change, span
from podium.deployments.rows import CHALLENGER, CHAMPION, PREVIOUS, Version
from podium.errors import InputError, NotFound, RegistryError, SetupError
from podium.http import Request, Response
from podium.records.store import Store
from podium.web import render
from podium.web.gating import failures, gates_of
from podium.web.numbers import headline, number_text, percent_text
from podium.web.site import Site
from podium.web.version_pages import DIGEST_LETTERS, versions_of

_GATES = {
    "truths": "Truths",
    "difference": "Better",
    "outputs": "Outputs",
    "segments": "Segments",
    "latency": "Latency",
    "refused": "Failures",
    "signature": "Signature",
}
_STATUSES = {"pass": "Passed", "fail": "Failed", "unknown": "Not known"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A version that can be chosen.

    Attributes:
        text: its name, the beginning of its digest, and its aliases.
    """

    digest: str
    text: str


@dataclass(frozen=True, slots=True)
class MeasureLine:
    """A measure of both versions, as people read it."""

    title: str
    a: str
    b: str
    difference: str


def compared(site: Site, name: str, a: str, b: str) -> Comparison:
    """Two versions of a model, compared.

    Raises:
        NotFound: there is no such version, or no records are kept here.
        PodiumError: as `compare` has it.
    """
    return compare(
        versions_of(site).registry,
        store_of(site),
        name,
        a,
        b,
        gates=gates_of(site, name),
        failures=failures(site, name),
    )


def store_of(site: Site) -> Store:
    """Where records are.

    Raises:
        NotFound: none are kept here.
    """
    if site.store is None:
        raise NotFound("no records are kept here", hint="serve with records = true")
    return site.store


def index(site: Site, request: Request, name: str) -> Response:
    """Two versions side by side: `GET /models/{name}/compare`."""
    registry, version = versions_of(site).registry, site.champion(name, request.actor)
    versions, aliases = registry.versions(name), registry.aliases(name)
    a = request.query.get("a") or aliases.get(CHAMPION, "")
    b = request.query.get("b") or _other(versions, aliases, a)
    comparison, problem = None, ""
    if len(versions) > 1:
        try:
            comparison = compared(site, name, a, b)
        except (InputError, SetupError) as error:
            problem = f"{error.message}: {error.hint}" if error.hint else error.message
    return render.page(
        site,
        request,
        "compare.html",
        model=version,
        choices=[_choice(one, aliases) for one in versions],
        chosen=(comparison.a.digest, comparison.b.digest) if comparison else (a, b),
        comparison=comparison,
        problem=problem,
        **_shown(site, comparison),
    )


def _shown(site: Site, comparison: Comparison | None) -> dict[str, Any]:
    if comparison is None:
        return {"lines": [], "always": "", "gates": [], "segments": [], "cards": []}
    found, always = comparison.improvement, ""
    if found is not None:
        interval = span(found.measure, found.always_low, found.always_high)
        always = f"{found.title} {change(found.measure, found.value)} {interval}"
    return {
        "lines": [_line(one) for one in comparison.differences],
        "always": always,
        "gates": [
            (_GATES[one.name], one.status, _STATUSES[one.status], one.sentence)
            for one in comparison.gates
        ],
        "segments": [
            (
                f"{one.field} = {one.value}",
                one.n_rows,
                f"{change(found.measure, one.improvement)} {span(found.measure, one.low, one.high)}",
            )
            for one in comparison.segments
            if found is not None
        ],
        "cards": [_card(site, comparison, one.digest) for one in (comparison.a, comparison.b)],
    }


def _line(one: Difference) -> MeasureLine:
    shown = percent_text if one.name in SHARES else number_text
    sign = 1 if one.better == "higher" else -1
    low, high = sorted((sign * one.low, sign * one.high))
    difference = f"{change(one.name, sign * one.difference)} {span(one.name, low, high)}"
    return MeasureLine(one.title, shown(one.a), shown(one.b), difference)


def _card(site: Site, comparison: Comparison, digest: str) -> tuple[str, Card | None]:
    """What a version was when it was packed, and its headline; None where that can't be read."""
    registry = versions_of(site).registry
    try:
        card = registry.files.card(registry.find(comparison.model, digest))
    except RegistryError as error:
        return error.message, None
    return headline(card), card


def _other(versions: list[Version], aliases: dict[str, str], a: str) -> str:
    """What is compared with a version, where nothing is asked for: what is tried beside it, the one
    before, or the newest.
    """
    some = [aliases.get(CHALLENGER), aliases.get(PREVIOUS), *(one.digest for one in versions)]
    return next((one for one in some if one and one != a), "")


def _choice(version: Version, aliases: dict[str, str]) -> Choice:
    own = [alias for alias, digest in aliases.items() if digest == version.digest]
    more = f" · {', '.join(own)}" if own else ""
    return Choice(version.digest, f"{version.name} ({version.digest[:DIGEST_LETTERS]}){more}")
