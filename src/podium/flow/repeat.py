"""Requests with an idempotency key: one that is repeated gets the response of the first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

from podium.flow.prepare import prepare
from podium.flow.request import PredictRequest, Prepared, RequestContext
from podium.flow.response import EncodedResponse
from podium.flow.route import Route
from podium.flow.version import LoadedVersion
from podium.outbox.keys import Keys

Routed: TypeAlias = tuple[LoadedVersion, Prepared]


def claimed(
    keys: Keys,
    route: Route,
    request: PredictRequest,
    routed: Callable[[], Routed],
    new_ids: Callable[[int], tuple[str, ...]],
) -> Routed | EncodedResponse:
    """The version that answers a request and its rows, or the stored response.

    Which versions answer may have changed since the first request with this key: its response is
    found before the rows are read, which another version might refuse. If it had none, because the
    process ended, the version that it was passed to answers, as long as it is loaded here: some of
    its records may be stored.

    Args:
        routed: chooses the version, and reads the rows.
        new_ids: makes ids of records.

    Raises:
        InputError: the request is invalid, or its key was used for a different one.
        StoreError: its key can't be looked up.
    """
    began_ns = time.perf_counter_ns()
    context, fingerprint = request.context, request.fingerprint
    scope = scope_of(route.champion, context)
    found, claim = None, keys.find(scope, context.key, fingerprint)
    if claim is None:
        found = version, prepared = routed()
        ids, digest = new_ids(prepared.n_rows), version.digest
        claim = keys.claim(scope, context.key, fingerprint, ids, prepared.time_us, digest)
    first = route.find(claim.version)
    if claim.body is not None and claim.media is not None:
        latency_us = (time.perf_counter_ns() - began_ns) // 1_000
        metrics = (first or route.champion).metrics
        metrics.count_predicted(1, len(claim.ids), [latency_us], context.lane)
        return EncodedResponse(claim.body, claim.media, is_repeated=True)
    if first is not None and (found is None or found[0] is not first):
        found = first, prepare(first, request)
    version, prepared = found or routed()
    prepared.claim, prepared.time_us = claim, claim.time_us
    return version, prepared


def scope_of(version: LoadedVersion, context: RequestContext) -> str:
    """The scope of a key: the same key of another model or another caller is a different key."""
    actor = context.actor
    return f"{version.name} {actor.owner if actor.is_known else f'client {context.client}'}"
