"""Gates: each passes, fails or doesn't know, and says why with its figures."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from two_versions import labels

from podium.comparison.checks import Counted
from podium.comparison.compare import compare
from podium.gates import Gates

NAMES = ("truths", "difference", "segments", "latency", "refused", "signature")


def gates_of(bench, failures=None, **said):
    found = compare(
        bench.registry, bench.store, "loans", "1", "2", gates=Gates(**said), failures=failures or {}
    )
    assert tuple(one.name for one in found.gates) == NAMES
    return {one.name: one for one in found.gates}


def fill(bench, rate_1=0.4, rate_2=0.1, n=600, **said):
    bench.add("1", labels(n, rate_1, 1), ["yes"] * n, **said)
    bench.add("2", labels(n, rate_2, 2), ["yes"] * n, **said)


def test_a_version_that_is_better_passes_all_of_them(loans):
    fill(loans)

    found = gates_of(loans, {"2": Counted(600, 0)})

    assert {one.status for one in found.values()} == {"pass"}
    assert "better by 3" in found["difference"].sentence
    assert found["refused"].sentence == "0 of 600 requests to it failed."


def test_without_records_only_the_signature_is_known(loans):
    found = gates_of(loans, segments=("region",))

    statuses = {name: one.status for name, one in found.items()}
    assert statuses == dict.fromkeys(NAMES, "unknown") | {"signature": "pass"}


@pytest.mark.parametrize(("rate", "margin"), [(0.4, 0.0), (0.1, 0.5), (0.9, 0.0)])
def test_a_version_that_is_not_better_by_the_margin_fails(loans, rate, margin):
    fill(loans, rate_2=rate)

    found = gates_of(loans, margin=margin)["difference"]

    assert found.status == "fail"
    assert "isn't sure" in found.sentence
    assert ("50 percentage points" in found.sentence) == bool(margin)


def regions(n):
    return {"age": [1.0] * n, "region": ["north", "south"] * (n // 2)}


def test_a_version_that_is_worse_in_one_segment_fails(loans):
    answers = labels(600, 0.5, 1)
    mended = ["yes" if at % 2 else "no" for at in range(600)]
    loans.add("1", answers, ["yes"] * 600, inputs=regions(600))
    loans.add("2", mended, ["yes"] * 600, inputs=regions(600))

    found = gates_of(loans, segments=("region",))["segments"]
    wide = gates_of(loans, segments=("region",), margin=0.4)["segments"]

    assert found.status == "fail"
    assert "region = north, worse by 4" in found.sentence
    assert "on 300 rows" in found.sentence
    assert wide.status == "pass"


def test_a_segment_of_few_rows_says_nothing(loans):
    n = 600
    inputs = {"age": [1.0] * n, "region": ["north"] * 580 + ["south"] * 20}
    loans.add("1", ["yes"] * n, ["yes"] * n, inputs=inputs)
    loans.add("2", ["yes"] * 580 + ["no"] * 20, ["yes"] * n, inputs=inputs)

    found = gates_of(loans, segments=("region",))["segments"]

    assert found.status == "pass"
    assert "0 of 1 segments" in found.sentence


def test_a_segment_that_the_model_does_not_have_is_told(loans):
    fill(loans)

    found = gates_of(loans, segments=("age", "county"))["segments"]

    assert found.status == "unknown"
    assert "'county'" in found.sentence


def test_answers_that_take_twice_as_long_fail(loans):
    loans.add("1", ["yes"] * 300, ["yes"] * 300, latency_us=2_000)
    loans.add("2", ["yes"] * 300, ["yes"] * 300, latency_us=4_000)

    found = gates_of(loans)["latency"]
    allowed = gates_of(loans, latency_max=2.5)["latency"]

    assert (found.status, allowed.status) == ("fail", "pass")
    assert "4 ms instead of 2 ms: 2.00 times as long, where 1.5 are allowed" in found.sentence


def test_a_fraction_of_a_millisecond_is_no_reason_unless_it_must_be_quicker(loans):
    loans.add("1", ["yes"] * 300, ["yes"] * 300, latency_us=200)
    loans.add("2", ["yes"] * 300, ["yes"] * 300, latency_us=900)

    found = gates_of(loans)["latency"]

    assert found.status == "pass"
    assert found.sentence.endswith("less than a millisecond longer.")
    assert gates_of(loans, latency_max=0.9)["latency"].status == "fail"


def test_a_version_whose_requests_failed_fails(loans):
    found = gates_of(loans, {"2": Counted(1_000, 1), "1": Counted(9, 9)})["refused"]

    assert found.status == "fail"
    assert found.sentence == "1 of 1,000 requests to it failed."


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"type": "integer"}, "the field 'age' is another one"),
        ({"unit": "years"}, "the field 'age' is another one"),
        ({"name": "years"}, "the field 'age' is gone"),
    ],
)
def test_another_signature_is_told(loans, change, expected):
    from podium.comparison.checks import _changes

    now = loans.bundles["1"].signature
    fields = (msgspec.structs.replace(now.fields[0], **change), *now.fields[1:])
    new = msgspec.structs.replace(now, fields=fields)

    assert next(_changes(now, new)) == expected
    assert next(_changes(now, now), None) is None


@pytest.mark.slow
def test_a_field_with_thousands_of_categories_is_a_segment(loans):
    rng = np.random.default_rng(1)
    n = 20_000
    inputs = {"age": rng.normal(size=n).tolist(), "region": [f"r{at % 3_000}" for at in range(n)]}
    for version in ("1", "2"):
        loans.add(version, labels(n, 0.3, int(version)), ["yes"] * n, inputs=inputs)

    found = gates_of(loans, segments=("region", "age"))["segments"]

    assert found.status == "pass"  # 4 parts of the ages; no region has 30 rows
    assert "0 of 4 segments" in found.sentence
