"""The rules in tests/conftest.py themselves: what skips here fails in CI."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

RULES = Path(__file__).parents[1] / "conftest.py"

SKIPS = """
import pytest

@pytest.mark.skip(reason="too wet today")
def test_that_is_marked(): ...

def test_that_skips_itself():
    pytest.skip("no browser")

@pytest.mark.xfail(reason="known", strict=True)
def test_that_is_known_to_fail():
    assert False

def test_that_passes(): ...
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A small suite of its own, under our rules."""
    for name in ("CI", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeconftest(RULES.read_text("utf-8"))
    return pytester


def test_outside_ci_a_skip_stays_a_skip(suite: pytest.Pytester) -> None:
    suite.makepyfile(SKIPS)

    result = suite.runpytest_subprocess()

    result.assert_outcomes(passed=1, skipped=2, xfailed=1)


def test_in_ci_a_skip_fails_and_names_its_reason(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(SKIPS)

    result = suite.runpytest_subprocess()

    result.assert_outcomes(passed=1, failed=1, errors=1, xfailed=1)
    result.stdout.fnmatch_lines(["*too wet today", "*ALLOWED_SKIPS*"])


def test_in_ci_a_module_that_skips_itself_fails(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile('import pytest\npytest.skip("not here", allow_module_level=True)')

    result = suite.runpytest_subprocess()

    result.assert_outcomes(errors=1)


def test_in_ci_an_allowed_skip_stays_a_skip(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    leave = 'ALLOWED_SKIPS["::test_that_skips_itself"] = "no browser there"'
    suite.makeconftest(f"{RULES.read_text('utf-8')}\n{leave}")
    suite.makepyfile(SKIPS)

    result = suite.runpytest_subprocess()

    result.assert_outcomes(passed=1, errors=1, skipped=1, xfailed=1)


def test_in_ci_hypothesis_draws_the_same_examples_every_time(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(
        "from hypothesis import settings\n"
        "def test_profile():\n"
        "    assert settings.default.derandomize and settings.default.deadline is None"
    )

    result = suite.runpytest_subprocess()

    result.assert_outcomes(passed=1)


def test_a_free_port_can_be_listened_at(free_port: int) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port))
