"""Regular expressions: those that may take very long are refused, and so are long texts."""

from __future__ import annotations

import re
import time

import pytest

from podium.errors import ModelError
from podium.program.operations.texts.patterns import STEPS_MAX, Pattern, RefusedPattern


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        (r"(a+)+$", "no fixed length"),
        (r"(a|aa)*b", "no fixed length"),
        (r"(?:a*b?)*c", "no fixed length"),
        (r"(a)\1", "refers back"),
        (r"(a)(?(1)b|c)", "refers back"),
        (r"(?=a)b", "looks ahead or behind"),
        (r"(?<!a)b", "looks ahead or behind"),
        (r"(?i)a", "flags"),
        (r"(?s:a.b)", "flags"),
        (r"(?>a+)b", "atomic_group"),
        (r"a++b", "possessive_repeat"),
        (r"(", "can't read"),
        ("(" * 900 + "a" + ")" * 900, "recursion"),
        ("a" * 2001, "2,000 characters"),
        ("(?:" * 4 + "a?" * 8 + "){8}" * 4, "too many parts"),
    ],
)
def test_what_may_take_long_or_means_something_else_is_refused(expression: str, why: str):
    with pytest.raises(RefusedPattern, match=why):
        Pattern(expression)


def test_what_ignores_the_case_of_a_long_range_is_refused():
    with pytest.raises(RefusedPattern, match="long range"):
        Pattern("[\u0100-\U0010ffff]", ignores_case=True)


@pytest.mark.parametrize(
    ("expression", "longest"),
    [
        (
            r" ([A-Za-z]+)\.",
            1_000_000,
        ),  # each attempt begins with a space, and ends before the next
        (r"(\d+)", 1_000_000),
        (r"\s+", 1_000_000),
        (r"[^a-zA-Z ]", 1_000_000),
        (r"https?://\S+", 500_000),
        (r"\b(?:GB|TB)\b", 1_000_000),
        (r"(\d+)\s*(?:GB|TB)", 1_000),
        (r"<[^>]*>", 2_000),
        (r"\(.*\)", 2_000),
        (r"(\d{1,3}\.){3}\d{1,3}", 100_000),
    ],
)
def test_usual_expressions_are_accepted_for_long_texts(expression: str, longest: int):
    assert Pattern(expression).longest >= longest


@pytest.mark.parametrize("expression", [".*a.*b.*c", "(a?){8}(a?){8}(a?){8}b", "(.*)(.*)(.*)x"])
def test_the_more_repeats_the_shorter_the_texts(expression: str):
    assert Pattern(expression).longest < 100


@pytest.mark.parametrize(
    ("expression", "unit"),
    [(r"\d+x", "1"), ("<.*?>", "<"), (r"(\w+) (\w+)$", "a "), (r"\s*$", " ")],
)
def test_the_longest_text_takes_no_time_worth_mentioning(expression: str, unit: str):
    pattern = Pattern(expression)
    text = (unit * pattern.longest)[: pattern.longest - 1] + "\u4e2d"

    began = time.perf_counter()
    pattern.compiled.search(pattern.bounded(text))

    assert time.perf_counter() - began < 30
    assert pattern.steps(pattern.longest) <= STEPS_MAX < pattern.steps(2 * pattern.longest)


def test_longer_texts_are_refused_with_the_expression():
    pattern = Pattern(r"<.*>")

    with pytest.raises(ModelError, match=re.escape("'<.*>' in texts of up to")):
        pattern.bounded("a" * (pattern.longest + 1))


def test_ignoring_the_case_makes_letters_meet_that_are_written_otherwise():
    apart, meeting = Pattern("k*\u212ak*K"), Pattern("k*\u212ak*K", ignores_case=True)

    assert apart.longest > meeting.longest
    assert Pattern(r"\d+ *gb", ignores_case=True).longest > 1000
