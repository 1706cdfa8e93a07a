"""The registry: what is registered stays, what is promoted answers, and two can't promote at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle import Bundle
from podium.deployments.registry import Registry
from podium.errors import IncompatibleVersion, NotFound, RegistryError, VersionChanged


def packed(folder: Path, factor: int, *names: str, version: str = "") -> Bundle:
    frame = pd.DataFrame({name: np.arange(20.0) ** (n + 1) for n, name in enumerate(names or "x")})
    model = LinearRegression().fit(frame, factor * frame.sum(axis=1))
    version = version or str(factor)
    path = folder / f"{version}-{factor}-{'-'.join(names)}.podium"
    return podium.pack(model, frame, name="sums", version=version, path=path)


def champion(registry: Registry) -> str:
    return registry.find("sums", "champion").name


def test_looking_makes_nothing(registry, tmp_path):
    assert registry.change is None
    assert (registry.models(), registry.versions("sums"), registry.aliases("sums")) == ([], [], {})
    assert not (tmp_path / "home").exists()


def test_what_is_registered_is_kept_whatever_becomes_of_its_file(registry, three):
    version = registry.register(three[0], actor="ada", note="first")
    three[0].path.write_bytes(b"something else")

    assert registry.bundle(version).digest == three[0].digest
    assert [(one.name, one.actor, one.note) for one in registry.versions("sums")] == [
        ("1", "ada", "first")
    ]
    assert registry.aliases("sums") == {}


def test_a_file_that_was_replaced_since_is_not_registered(registry, three):
    three[0].path.write_bytes(three[1].path.read_bytes())

    with pytest.raises(podium.errors.BundleError, match="was replaced"):
        registry.register(three[0])

    assert registry.versions("sums") == []
    assert not list(registry.files.folder.glob("*"))


def test_a_file_that_is_new_is_the_champion_and_one_that_is_known_changes_nothing(
    registry, three_tried
):
    first, second, _ = three_tried
    assert registry.adopt(first).name == "1"
    registry.register(second)
    registry.promote("sums", "2")

    again = registry.adopt(first)
    new = registry.adopt(three_tried[2])

    assert (again.name, new.name) == ("2", "3")
    assert registry.find("sums", "previous").name == "2"
    assert (
        registry.adopt(first).name == "1"
    )  # another file was deployed, and nothing promoted since
    assert registry.promoted("sums") is None


def test_what_was_deployed_can_be_promoted(registry, three_tried):
    registry.adopt(three_tried[0])
    assert registry.promoted("sums") is None

    registry.promote("sums", "1")

    assert registry.promoted("sums").name == "1"


def test_a_rollback_undoes_a_promotion_and_itself(registry, three):
    for one in three[:2]:
        registry.adopt(one)

    found = [registry.rollback("sums").name for _ in range(3)]

    assert found == ["1", "2", "1"]
    actions = [(one.action, one.before[:4], one.after[:4]) for one in registry.events("sums", 3)]
    first, second = (one.digest[:4] for one in three[:2])
    assert actions[0] == ("rolled_back", second, first)


def test_nothing_to_go_back_to_is_told(registry, three):
    registry.adopt(three[0])

    with pytest.raises(NotFound, match="no previous version"):
        registry.rollback("sums")


@pytest.mark.parametrize("wanted", ["2", "digest", "DIGEST", "previous"])
def test_a_version_is_named_in_several_ways(registry, three_tried, wanted):
    registry.adopt(three_tried[1])
    registry.adopt(three_tried[0])
    digest = three_tried[1].digest[:8]
    wanted = {"digest": digest, "DIGEST": digest.upper()}.get(wanted, wanted)

    assert registry.promote("sums", wanted).digest == three_tried[1].digest


@pytest.mark.parametrize("wanted", ["9", "", "%", "abcdef"])
def test_no_such_version_is_told_with_those_there_are(registry, three, wanted):
    registry.adopt(three[0])

    with pytest.raises(NotFound, match="has no version") as caught:
        registry.promote("sums", wanted)

    assert caught.value.hint == "known: 1"


def test_one_name_for_two_versions_is_told(registry, tmp_path):
    both = [packed(tmp_path, factor, version="same") for factor in (1, 2)]
    for one in both:
        registry.register(one)

    with pytest.raises(NotFound, match="2 versions") as caught:
        registry.promote("sums", "same")

    assert all(one.digest[:12] in caught.value.hint for one in both)


@pytest.mark.slow
def test_what_refuses_what_the_champion_accepts_is_not_promoted(registry, three, tmp_path):
    registry.adopt(three[0])
    registry.register(packed(tmp_path, 4, "x", "y"))

    with pytest.raises(IncompatibleVersion, match="it requires the field 'y'"):
        registry.promote("sums", "4")

    assert champion(registry) == "1"


def test_of_two_who_promote_at_once_one_wins_and_the_other_is_told(registry, three_tried):
    for one in three_tried:
        registry.register(one)
    registry.promote("sums", "1")
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def promote(name: str) -> None:
        barrier.wait()
        try:
            registry.promote("sums", name, expected=three_tried[0].digest)
            outcomes.append(name)
        except VersionChanged:
            outcomes.append("told")

    threads = [threading.Thread(target=promote, args=(name,)) for name in ("2", "3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) in (["2", "told"], ["3", "told"])
    assert champion(registry) in outcomes


def test_every_change_is_seen_by_the_counter(registry, three_tried):
    seen = [registry.change]
    for one in three_tried:
        registry.register(one)
        seen.append(registry.change)
    registry.promote("sums", "2")
    seen.append(registry.change)
    registry.promote("sums", "3")
    seen.append(registry.change)
    registry.rollback("sums")

    assert len({*seen, registry.change}) == len(seen) + 1
    assert registry.change == registry.change


@pytest.mark.parametrize("damage", ["gone", "empty", "half", "other"])
def test_a_damaged_copy_is_told_and_changes_nothing(registry, three, damage):
    registry.adopt(three[0])
    version = registry.register(three[1])
    path = registry.files.path_of(version.digest)
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        damaged = {"empty": b"", "half": content[: len(content) // 2]}
        path.write_bytes(damaged.get(damage, three[2].path.read_bytes()))

    with pytest.raises(RegistryError, match=path.name):
        registry.promote("sums", "2")

    assert champion(registry) == "1"


@pytest.mark.parametrize("content", [b"no database at all" * 99, "foreign", "newer"], ids=str)
def test_a_registry_that_is_none_is_told(registry, three, tmp_path, content):
    import sqlite3

    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "registry.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE theirs (x)")
            other.execute("PRAGMA user_version = 7")
            if content == "newer":
                other.execute(f"PRAGMA application_id = {0x506F6472}")
        other.close()

    with pytest.raises(RegistryError):
        registry.register(three[0])
    with pytest.raises(RegistryError):
        registry.versions("sums")


KILLED = """
import sys, threading, time
from pathlib import Path
from podium.bundle import load
from podium.deployments.registry import Registry

registry = Registry(Path(sys.argv[1]))
bundles = [load(path) for path in sys.argv[2:]]
print("ready", flush=True)
while True:
    for bundle in bundles:
        registry.register(bundle)
        registry.promote("sums", bundle.digest)
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_leaves_a_registry_that_is_whole(registry, three, tmp_path):
    paths = [str(one.path) for one in three[:2]]
    for delay_s in (0.0, 0.003, 0.01, 0.02):
        command = [sys.executable, "-c", KILLED, str(tmp_path / "home"), *paths]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        threading.Event().wait(delay_s)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        known = {one.digest for one in registry.versions("sums")}
        for digest in registry.aliases("sums").values():
            assert digest in known
        for one in registry.versions("sums"):
            assert registry.bundle(one).digest == one.digest

    registry.adopt(three[2])

    assert champion(registry) == "3"


def test_the_card_of_a_version_is_read_once_as_long_as_its_file_is_the_same(
    registry, three, monkeypatch
):
    version = registry.register(three[0])
    n_read = 0
    read = registry.files.bundle

    def counted(version):
        nonlocal n_read
        n_read += 1
        return read(version)

    monkeypatch.setattr(registry.files, "bundle", counted)
    cards = [registry.files.card(version) for _ in range(3)]
    once = n_read
    path = registry.files.path_of(version.digest)
    path.write_bytes(path.read_bytes()[:-9])

    assert once == 1
    assert cards[0] == cards[2] == three[0].card
    with pytest.raises(RegistryError, match="can't be read"):
        registry.files.card(version)


@pytest.mark.slow
def test_a_promotion_reads_each_bundle_once_in_a_process(registry, three, monkeypatch):
    for bundle in three[:2]:
        registry.register(bundle)
        registry.promote(three[0].name, bundle.digest)
    read: list[str] = []
    opened = registry.files.bundle
    monkeypatch.setattr(
        registry.files, "bundle", lambda one: read.append(one.digest) or opened(one)
    )

    for bundle in (three[0], three[1], three[0]):
        registry.promote(three[0].name, bundle.digest)

    assert not read


def test_a_damaged_copy_is_mended_by_registering_again(registry, three):
    version = registry.register(three[0])
    path = registry.files.path_of(version.digest)
    path.write_bytes(path.read_bytes()[:-9])

    registry.register(three[0])

    assert registry.bundle(version).digest == version.digest
