"""A trial: what can't be used is told, and nothing that it does reaches who tries it."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.bundle import Bundle
from podium.deployments import trial
from podium.deployments.registry import Registry
from podium.deployments.trial import UPLOADABLE, TrialLimits, try_bundle
from podium.errors import UnusableVersion

FRAME = pd.DataFrame({"x": np.arange(20.0)})
# An estimator that behaves until a file tells it not to, when it is loaded or when it is called.
WAYWARD = """
import os, signal, subprocess
from pathlib import Path
FLAG = Path({flag!r})


def misbehave(when):
    how = FLAG.read_text() if FLAG.exists() else ""
    if not how.startswith(when):
        return
    how = how.partition(" ")[2]
    if how == "exits":
        os._exit(3)
    if how == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how in ("hangs", "goes on"):
        sleeper = subprocess.Popen(["sleep", "600"])
        FLAG.with_name("sleeper").write_text(str(sleeper.pid))
        if how == "hangs":
            sleeper.wait()
    if how == "computes":
        while True:
            pass
    if how == "takes memory":
        return bytearray(1 << 40)
    if how == "writes":
        FLAG.with_name("long").write_bytes(bytes(1 << 22))
    if how == "raises":
        raise ZeroDivisionError("of all things")
    if how == "prints":
        print("{{}}", flush=True)


class Wayward:
    _estimator_type = "regressor"

    def fit(self, X, y):
        self.n_ = 1
        return self

    def __setstate__(self, state):
        misbehave("load")
        self.__dict__.update(state)

    def predict(self, X):
        misbehave("call")
        if FLAG.exists() and FLAG.read_text() == "call short":
            return [0.0]
        return [1.0] * len(X)
"""


def packed(folder: Path, factor: int) -> Bundle:
    model = LinearRegression().fit(FRAME, factor * FRAME["x"])
    path = folder / f"sums-{factor}.podium"
    return podium.pack(model, FRAME, name="sums", version=str(factor), path=path)


@pytest.fixture(scope="module")
def wayward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    folder = tmp_path_factory.mktemp("wayward")
    (folder / "wayward_models.py").write_text(WAYWARD.format(flag=str(folder / "flag")))
    sys.path.insert(0, str(folder))
    model = importlib.import_module("wayward_models").Wayward().fit(FRAME, FRAME["x"])
    yield podium.pack(model, FRAME, name="sums", version="w", path=folder / "wayward.podium")
    sys.path.remove(str(folder))
    del sys.modules["wayward_models"]


def refusal(wayward: Bundle, how: str, **limits: float) -> UnusableVersion:
    assert wayward.path is not None
    flag = wayward.path.parent / "flag"
    flag.write_text(how)
    try:
        with pytest.raises(UnusableVersion) as caught:
            try_bundle(
                wayward.path,
                trust=[f"sha256:{wayward.options['sha256']}"],
                limits=TrialLimits(**limits),
            )
    finally:
        flag.unlink()
    return caught.value


@pytest.mark.slow
def test_what_works_passes_with_its_cost(tmp_path):
    bundle = packed(tmp_path, 1)

    passed = try_bundle(bundle.path, runtimes=UPLOADABLE)

    assert (passed.name, passed.version, passed.digest) == ("sums", "1", bundle.digest)
    assert passed.n_rows == 64
    assert passed.load_s > 0 < passed.call_s
    assert passed.libraries["podium"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("load exits", "with exit code 3"),
        ("call crashes", "by signal 11"),
        ("load takes memory", "GiB of memory"),
        ("call writes", "File too large"),
        ("call raises", "of all things"),
        ("call short", "predicted 1 of 5 rows"),
    ],
)
def test_what_misbehaves_is_told(wayward, how, why):
    error = refusal(wayward, how)

    assert why in error.message
    assert str(wayward.path) not in error.message
    assert error.hint


def check_ended(wayward: Bundle) -> None:
    """What the model started ends."""
    sleeper = int((wayward.path.parent / "sleeper").read_text())
    state = Path(f"/proc/{sleeper}/stat")
    until_s = time.monotonic() + 60
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < until_s, "what it started goes on"


@pytest.mark.slow
def test_what_hangs_is_ended_with_all_that_it_started(wayward):
    error = refusal(wayward, "load hangs", wall_s=4)

    assert "longer than 4 s" in error.message
    check_ended(wayward)


@pytest.mark.slow
def test_what_passes_leaves_nothing_behind_that_it_started(wayward):
    flag = wayward.path.parent / "flag"
    flag.write_text("load goes on")
    try:
        try_bundle(wayward.path, trust=[f"sha256:{wayward.options['sha256']}"])
    finally:
        flag.unlink()

    check_ended(wayward)


@pytest.mark.slow
def test_what_computes_for_ever_is_ended(wayward):
    assert "more than 2 s of computing" in refusal(wayward, "call computes", cpu_s=2).message


@pytest.mark.slow
def test_what_a_model_prints_is_not_its_report(wayward):
    flag = wayward.path.parent / "flag"
    flag.write_text("load prints")

    passed = try_bundle(wayward.path, trust=[f"sha256:{wayward.options['sha256']}"])

    flag.unlink()
    assert passed.digest == wayward.digest


@pytest.mark.slow
def test_a_pickle_is_not_uploadable_whatever_is_trusted(wayward):
    with pytest.raises(UnusableVersion, match="a pickle, which is never accepted by upload"):
        try_bundle(wayward.path, trust=[f"sha256:{wayward.options['sha256']}"], runtimes=UPLOADABLE)


@pytest.mark.slow
def test_a_pickle_that_is_not_trusted_is_told_with_what_allows_it(wayward):
    with pytest.raises(UnusableVersion, match="is a pickle") as caught:
        try_bundle(wayward.path)

    assert f"--trust sha256:{wayward.options['sha256']}" in caught.value.hint


@pytest.mark.slow
def test_a_version_is_tried_once_and_again_with_other_libraries(tmp_path, monkeypatch):
    registry, bundle = Registry(tmp_path / "home"), packed(tmp_path, 1)
    n_tried = 0
    real = trial.try_bundle

    def counted(*arguments, **options):
        nonlocal n_tried
        n_tried += 1
        return real(*arguments, **options)

    monkeypatch.setattr(trial, "try_bundle", counted)
    for _ in range(2):
        Registry(tmp_path / "home").check(bundle)
    once = n_tried
    here = trial.installed
    monkeypatch.setattr(trial, "installed", lambda name: "0.1" if name == "numpy" else here(name))
    registry.check(bundle)

    assert (once, n_tried) == (1, 2)


@pytest.mark.slow
def test_a_memory_that_is_damaged_or_of_another_bundle_is_none(tmp_path):
    bundle, other = packed(tmp_path, 1), packed(tmp_path, 2)
    memory = tmp_path / "memory"
    for content in (b"", b"{}", b'"passed"'):
        memory.write_bytes(content)
        assert not trial.is_cached(memory, bundle.digest, bundle.card.libraries)

    trial.require(bundle, memory, ())

    assert trial.is_cached(memory, bundle.digest, bundle.card.libraries)
    assert not trial.is_cached(memory, other.digest, other.card.libraries)


@pytest.mark.slow
def test_a_file_that_is_gone_or_was_replaced_since_is_told(tmp_path):
    bundle, other = packed(tmp_path, 1), packed(tmp_path, 2)
    memory = tmp_path / "memory"
    bundle.path.write_bytes(other.path.read_bytes())
    with pytest.raises(UnusableVersion, match="was replaced since"):
        trial.require(bundle, memory, ())
    bundle.path.unlink()
    with pytest.raises(UnusableVersion, match="can't be read"):
        trial.require(bundle, memory, ())

    assert not memory.exists()


@pytest.mark.slow
def test_what_fails_is_not_promoted_and_stays_promotable(wayward, tmp_path):
    registry = Registry(tmp_path / "home", (f"sha256:{wayward.options['sha256']}",))
    registry.adopt(packed(tmp_path, 1))
    registry.register(wayward)
    flag = wayward.path.parent / "flag"
    flag.write_text("load exits")

    with pytest.raises(UnusableVersion):
        registry.promote("sums", "w")
    before = registry.find("sums", "champion").name
    flag.unlink()
    registry.promote("sums", "w")

    assert before == "1"
    assert registry.find("sums", "champion").name == "w"


def test_no_secret_of_ours_reaches_the_process(monkeypatch):
    monkeypatch.setenv("PODIUM_STORE", "postgresql://ada:secret@db/records")

    environment = trial.child_environment()

    assert not [name for name in environment if name.startswith("PODIUM_")]
    listed = subprocess.run(
        [trial.interpreter(), "-P", "-c", "import sys; print(*sys.path)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert {one for one in sys.path if one} <= set(listed.stdout.split())
