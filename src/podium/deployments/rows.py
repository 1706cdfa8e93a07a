"""What a registry holds, as the rows of its tables: versions, aliases, rollouts and events.

Each function works on an open connection: what is called in one transaction changes together.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import apsw
import msgspec

from podium.bundle import Bundle
from podium.deployments.trial import Passed
from podium.errors import NotFound, VersionChanged

Alias = Literal["champion", "challenger", "previous"]
Mode = Literal["canary", "shadow"]
CHAMPION: Alias = "champion"
CHALLENGER: Alias = "challenger"
PREVIOUS: Alias = "previous"
DIGEST_LETTERS_MIN = 6
_MISSING: Mapping[str, str] = {
    CHAMPION: "champion",
    CHALLENGER: "challenger",
    PREVIOUS: "previous version",
}


class Version(NamedTuple):
    """A version of a model that was registered.

    Attributes:
        name: as its bundle calls it; several may have one name.
        time_us: when it was registered, in microseconds since 1970.
        actor: who did it.
        note: why.
    """

    model: str
    digest: str
    name: str
    time_us: int
    actor: str
    note: str


class Rollout(NamedTuple):
    """How the challenger of a model is tried.

    Attributes:
        digest: of the challenger.
        share: of the requests, from 0 to 1: those it answers, or those it shadows.
        mode: `canary` answers requests; `shadow` is asked beside the champion, and answers nobody.
        key: the field whose value decides who answers; "" where the caller does.
        id: changes whenever the requests are divided anew. One that only gets a larger share keeps
            it, so that nobody moves back.
    """

    model: str
    digest: str
    share: float
    mode: Mode
    key: str
    id: str


class Event(NamedTuple):
    """What happened to a model's versions; digests are "" where there is none.

    Attributes:
        details: what else is known of it, as a JSON object.
    """

    number: int
    model: str
    time_us: int
    actor: str
    action: str
    before: str
    after: str
    note: str
    details: str = "{}"


class Live(NamedTuple):
    """What a server has to serve of a model, as of one moment.

    Attributes:
        promoted: the champion, where somebody promoted it; None where a file did.
        epoch: the number of the model's latest event.
    """

    promoted: Version | None
    challenger: Version | None
    rollout: Rollout | None
    epoch: int


def aliases(connection: apsw.Connection, model: str) -> dict[str, str]:
    """The digests of a model's versions by alias."""
    rows = connection.execute("SELECT alias, digest FROM alias WHERE model = ?", (model,))
    return dict(rows)


def by_digest(connection: apsw.Connection, model: str) -> Mapping[str, Version]:
    """The versions of a model by digest."""
    rows = connection.execute("SELECT * FROM version WHERE model = ?", (model,))
    return {row[1]: Version(*row) for row in rows}


def find(connection: apsw.Connection, model: str, wanted: str) -> Version:
    """A version by its alias, its name, or the beginning of its digest.

    Raises:
        NotFound: there is none, or there are several.
    """
    versions = by_digest(connection, model)
    digest = aliases(connection, model).get(wanted, "")
    if digest in versions:
        return versions[digest]
    is_digest = len(wanted) >= DIGEST_LETTERS_MIN
    found = [one for one in versions.values() if one.name == wanted] or [
        one for one in versions.values() if is_digest and one.digest.startswith(wanted.lower())
    ]
    if not found:
        names = ", ".join(
            one.name for one in sorted(versions.values(), key=lambda one: -one.time_us)
        )
        what = _MISSING.get(wanted, f"version {wanted!r}")
        hint = f"known: {names}" if names else "no version of it is registered in this home folder"
        raise NotFound(f"{model} has no {what}", hint=hint)
    if len(found) > 1:
        digests = ", ".join(one.digest[:12] for one in found)
        raise NotFound(
            f"{model} has {len(found)} versions called {wanted!r}",
            hint=f"name one by its digest: {digests}",
        )
    return found[0]


def promoted(connection: apsw.Connection, model: str) -> Version | None:
    """The champion, where somebody promoted it or rolled back to it; None where a file did."""
    sql = (
        "SELECT action FROM event WHERE model = ? AND action IN "
        "('promoted', 'rolled_back', 'deployed') ORDER BY number DESC LIMIT 1"
    )
    last = connection.execute(sql, (model,)).fetchone()
    if last is None or last[0] == "deployed":
        return None
    return by_digest(connection, model).get(aliases(connection, model).get(CHAMPION, ""))


def register(
    connection: apsw.Connection, bundle: Bundle | Passed, actor: str, note: str
) -> Version:
    """Add a version, unless it is known."""
    new = Version(bundle.name, bundle.digest, bundle.version, time.time_ns() // 1_000, actor, note)
    sql = "INSERT INTO version VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    connection.execute(sql, new)
    if connection.changes():
        add_event(connection, new.model, "registered", actor, "", new.digest, note)
    return by_digest(connection, bundle.name)[bundle.digest]


def digests(connection: apsw.Connection) -> frozenset[str]:
    """Those of all versions of all models."""
    return frozenset(digest for (digest,) in connection.execute("SELECT digest FROM version"))


def prune(connection: apsw.Connection, model: str, keep: int, actor: str) -> list[Version]:
    """Remove the versions that no alias points to, but the newest of them; returns the removed."""
    named = set(aliases(connection, model).values())
    known = sorted(by_digest(connection, model).values(), key=lambda one: -one.time_us)
    old = [one for one in known if one.digest not in named][keep:]
    for one in old:
        sql = "DELETE FROM version WHERE model = ? AND digest = ?"
        connection.execute(sql, (model, one.digest))
        add_event(connection, model, "pruned", actor, one.digest, one.digest, one.name)
    return old


def live(connection: apsw.Connection, model: str) -> Live:
    """What is to be served; in a transaction, all of it is of one moment."""
    sql = "SELECT coalesce(max(number), 0) FROM event WHERE model = ?"
    epoch = connection.execute(sql, (model,)).get
    found = rollout(connection, model)
    challenger = by_digest(connection, model).get(found.digest) if found else None
    return Live(promoted(connection, model), challenger, found, epoch)


def rollout(connection: apsw.Connection, model: str) -> Rollout | None:
    """How the challenger is tried; None where it isn't, or where there is none."""
    sql = (
        "SELECT model, digest, share, mode, key, rollout FROM traffic JOIN alias USING (model) "
        "WHERE model = ? AND alias = ?"
    )
    row = connection.execute(sql, (model, CHALLENGER)).fetchone()
    return None if row is None else Rollout(*row)


def set_champion(
    connection: apsw.Connection,
    version: Version,
    action: str,
    actor: str,
    note: str,
    details: Mapping[str, Any] = {},
) -> None:
    """Let a version answer; whatever was tried beside the one before ends."""
    model = version.model
    before = aliases(connection, model).get(CHAMPION, "")
    if before == version.digest:
        if promoted(connection, model) is None:  # it was only deployed
            add_event(connection, model, action, actor, before, before, note, details)
        return
    is_challenger = aliases(connection, model).get(CHALLENGER) == version.digest
    if is_challenger or rollout(connection, model) is not None:
        end_rollout(connection, model, actor, f"{version.name} was {action.replace('_', ' ')}")
    _point(connection, model, CHAMPION, version.digest)
    if before:
        _point(connection, model, PREVIOUS, before)
    add_event(connection, model, action, actor, before, version.digest, note, details)


def set_challenger(connection: apsw.Connection, version: Version, actor: str, note: str) -> None:
    """Name the version that may take the champion's place; it gets no traffic by that."""
    model, before = version.model, aliases(connection, version.model).get(CHALLENGER, "")
    if before != version.digest:
        end_rollout(connection, model, actor, f"{version.name} is the challenger")
        _point(connection, model, CHALLENGER, version.digest)
        add_event(connection, model, "challenged", actor, before, version.digest, note)


def set_rollout(
    connection: apsw.Connection,
    version: Version,
    share: float,
    mode: Mode,
    key: str,
    actor: str,
    note: str,
) -> Rollout:
    """Let a version answer a share of the requests, or shadow them."""
    model, now = version.model, rollout(connection, version.model)
    id_ = secrets.token_hex(8)
    if now is not None and (now.digest, now.mode, now.key) == (version.digest, mode, key):
        id_ = now.id
    new = Rollout(model, version.digest, share, mode, key, id_)
    if new == now:
        return new
    before = aliases(connection, model).get(CHALLENGER, "")
    if before != version.digest:
        end_rollout(connection, model, actor, f"{version.name} is the challenger")
        _point(connection, model, CHALLENGER, version.digest)
    sql = "INSERT OR REPLACE INTO traffic VALUES (?, ?, ?, ?, ?)"
    connection.execute(sql, (model, share, mode, key, id_))
    details = {"share": share, "key": key, "rollout": id_}
    add_event(connection, model, mode, actor, before, version.digest, note, details)
    return new


def end_rollout(connection: apsw.Connection, model: str, actor: str, note: str) -> bool:
    """Let the champion alone answer, without a challenger; returns whether there was one."""
    before = aliases(connection, model).get(CHALLENGER, "")
    if not before:
        return False
    now, details = rollout(connection, model), {}
    if now is not None:
        details = {"mode": now.mode, "share": now.share, "key": now.key, "rollout": now.id}
    connection.execute("DELETE FROM traffic WHERE model = ?", (model,))
    sql = "DELETE FROM alias WHERE model = ? AND alias = ?"
    connection.execute(sql, (model, CHALLENGER))
    add_event(connection, model, "stopped", actor, before, "", note, details)
    return True


def _point(connection: apsw.Connection, model: str, alias: Alias, digest: str) -> None:
    sql = "INSERT INTO alias VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest"
    connection.execute(sql, (model, alias, digest))


def add_event(
    connection: apsw.Connection,
    model: str,
    action: str,
    actor: str,
    before: str,
    after: str,
    note: str,
    details: Mapping[str, Any] = {},
) -> None:
    """Log what happened; `before` and `after` are digests of versions."""
    connection.execute(
        "INSERT INTO event VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            model,
            time.time_ns() // 1_000,
            actor,
            action,
            before,
            after,
            note,
            msgspec.json.encode(details).decode(),
        ),
    )


def check_expected(connection: apsw.Connection, model: str, *expected: str | None) -> None:
    """Refuse a change by somebody who believes that another version is the champion.

    Raises:
        VersionChanged: it is another one.
    """
    now = aliases(connection, model).get(CHAMPION, "")
    if {now, *expected} - {now, None}:
        name = f"version {by_digest(connection, model)[now].name}" if now else "none"
        raise VersionChanged(
            f"the champion of {model} is {name}, not the expected one: nothing was changed",
            hint="see what has changed, then decide again",
        )
