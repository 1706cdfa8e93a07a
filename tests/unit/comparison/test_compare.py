"""Comparisons of records: what is compared with what, and what is said where that isn't enough."""

from __future__ import annotations

import numpy as np
import pytest
from two_versions import HOUR_US, labels

from podium.errors import InputError, NotFound, RegistryError, SetupError
from podium.records.store import RecordQuery


def test_versions_that_answered_at_the_same_time_are_compared_by_rows_of_their_own(loans):
    loans.add("1", labels(900, 0.4, 1), ["yes"] * 900)
    loans.add("2", labels(700, 0.1, 2), ["yes"] * 700, since_us=HOUR_US)

    found = loans.compare()

    assert (found.kind, found.has_enough) == ("independent", True)
    accuracy = found.differences[0]
    assert [one.name for one in found.differences] == ["accuracy", "balanced_accuracy", "f1_macro"]
    assert accuracy.a == pytest.approx(0.6, abs=0.05)
    assert accuracy.b == pytest.approx(0.9, abs=0.05)
    assert 0.2 < accuracy.low < accuracy.difference < accuracy.high < 0.4
    assert found.improvement.decided == "b"
    assert found.verdict == "Version 2 is better than 1."
    assert loans.compare("2", "1").improvement.decided == "a"
    assert found.notes == ()


def test_equal_versions_stay_undecided(loans):
    for version, seed in (("1", 1), ("2", 2)):
        loans.add(version, labels(900, 0.3, seed), ["yes"] * 900)

    found = loans.compare()

    assert found.improvement.decided == ""
    assert found.verdict == "Neither version is better as far as is known."


def test_a_few_truths_decide_nothing_and_it_says_how_many_there_are(loans):
    loans.add("1", labels(900, 0.9, 1), ["yes"] * 900)
    loans.add("2", ["yes"] * 37, ["yes"] * 37)

    found = loans.compare()

    assert found.verdict == "Not enough truths yet: 37 of 200."
    assert found.improvement.decided == ""
    assert found.gates[0].sentence == "Not enough truths yet: 37 of 200."
    assert loans.compare(truths_min=20).improvement.decided == "b"


def test_without_a_truth_nothing_is_compared(loans):
    loans.add("1", ["yes"] * 3, [None] * 3)

    found = loans.compare()

    assert (found.kind, found.differences, found.improvement) == ("none", (), None)
    assert found.verdict == "Not enough truths yet: 0 of 200."


def test_what_a_shadow_answered_is_compared_row_by_row(loans):
    loans.registry.promote("loans", "1")
    answers, seconds = labels(600, 0.3, 1), labels(600, 0.3, 1)
    seconds[:20] = ["yes"] * 20
    loans.add("1", answers, ["yes"] * 600)
    loans.add("2", [*seconds, "no"], [None] * 601, role="shadow")
    loans.add("2", labels(9, 1, 1), ["yes"] * 9)
    loans.registry.set_traffic("loans", "2", mode="shadow")

    found = loans.compare()

    n_mended = sum(one == "no" for one in answers[:20])
    assert (found.kind, found.a.n_truths, found.b.n_truths) == ("paired", 600, 600)
    assert found.improvement.value == pytest.approx(n_mended / 600)
    back = loans.compare("2", "1")
    assert (back.kind, back.a.n_truths) == ("paired", 600)
    assert back.improvement.value == pytest.approx(-n_mended / 600)


def test_only_the_time_in_which_both_answered_counts(loans):
    loans.add("1", ["no"] * 500, ["yes"] * 500)
    loans.add("1", ["yes"] * 300, ["yes"] * 300, since_us=1_000 * HOUR_US)
    loans.add("2", ["yes"] * 300, ["yes"] * 300, since_us=1_000 * HOUR_US)

    found = loans.compare()

    assert (found.a.n_truths, found.differences[0].a) == (300, 1)


def test_versions_of_different_times_are_compared_with_a_warning(loans):
    loans.add("1", labels(300, 0.5, 1), ["yes"] * 300)
    # At the moment of the swap some requests end on the version before.
    loans.add("2", ["yes"] * 300, ["yes"] * 300, since_us=298 * HOUR_US)

    found = loans.compare()

    assert found.a.n_truths == found.b.n_truths == 300
    assert "didn't answer at the same time" in found.notes[0]


def test_numbers_are_compared_by_their_errors(prices):
    rng = np.random.default_rng(1)
    truths = rng.normal(size=600)
    for version, spread in (("1", 2.0), ("2", 1.0)):
        prices.add(version, (truths + spread * rng.normal(size=600)).tolist(), truths.tolist())

    found = prices.compare()

    assert [one.name for one in found.differences] == [
        "mean_absolute_error",
        "root_mean_squared_error",
        "r2",
    ]
    mae, rmse, r2 = found.differences
    assert 0 < r2.low < r2.difference < r2.high
    assert mae.difference == pytest.approx(-0.8, abs=0.15)
    assert mae.low < mae.difference < mae.high < 0
    assert rmse.difference == pytest.approx(-1, abs=0.2)
    assert rmse.low < rmse.difference < rmse.high < 0
    assert found.improvement.decided == "b"


def test_probabilities_are_compared_where_both_versions_give_them(loans):
    def sure(share):
        return {"prediction": "yes", "probabilities": {"no": 1 - share, "yes": share}}

    loans.add("1", [sure(0.6), sure(0.7)] * 150, ["yes"] * 300)
    loans.add("2", [sure(0.8), sure(0.9)] * 150, ["yes"] * 300)

    found = loans.compare(measure="log_loss")

    figures = {one.name: (one.a, one.b) for one in found.differences}
    expected = [-np.log([0.6, 0.7]).mean(), -np.log([0.8, 0.9]).mean()]
    assert figures["log_loss"] == pytest.approx(expected)
    assert figures["brier_score"] == pytest.approx((0.25, 0.05))
    assert figures["accuracy"] == (1, 1)
    assert (found.improvement.measure, found.improvement.decided) == ("log_loss", "b")

    loans.add("2", ["yes"], ["yes"])
    without = loans.compare(measure="log_loss")
    assert "log_loss" not in {one.name for one in without.differences}
    assert without.improvement is None
    assert without.gates[1].status == "unknown"


def test_a_row_that_cannot_be_compared_is_left_out_and_counted(prices):
    prices.add("1", [1.0] * 300, [1.5] * 300)
    prices.add("2", [1.0, None, "three", 1.0, 1.0], ["1.5", 1.0, 1.0, "many", b"{}"])
    prices.add("2", [True], [2.0], since_us=9)

    found = prices.compare()

    assert found.b.n_truths == 1
    assert found.notes[-1].startswith("5 rows were left out")


def test_errors_too_large_to_be_squared_are_still_errors(prices):
    prices.add("1", [1.0] * 300, [1.5] * 300)
    prices.add("2", [1e308, 1e200, 1e80] * 100, [-1e308, 1.5, 1.5] * 100)

    found = prices.compare()

    assert found.improvement.decided == "a"
    assert all(np.isfinite([one.b, one.low, one.high]).all() for one in found.differences)


def test_labels_of_other_types_are_the_same_labels(loans):
    loans.add("1", [True, 1, "1"] * 100, ["1", 1.0, True] * 100)
    loans.add("2", [0, "false", "0.0"] * 100, [False, 0, "0"] * 100)

    found = loans.compare()

    assert (found.differences[0].a, found.differences[0].b) == (1, 1)


def test_a_truth_that_neither_version_knows_is_wrong_for_both(loans):
    answer = {"prediction": "yes", "probabilities": {"no": 0.5, "yes": 0.5}}
    for version in ("1", "2"):
        loans.add(version, [answer] * 300, ["maybe"] * 300)

    found = loans.compare()

    figures = {one.name: one.b for one in found.differences}
    assert figures["accuracy"] == 0
    assert figures["log_loss"] > 30
    assert figures["brier_score"] == pytest.approx(1.5)
    assert found.improvement.decided == ""


def test_records_of_a_version_whose_bundle_is_gone_are_compared(loans):
    for version in ("1", "2"):
        loans.add(version, ["yes"] * 300, ["yes"] * 300)
    bundles = list((loans.home / "versions").iterdir())
    (loans.home / "versions" / f"{loans.bundles['1'].digest}.podium").unlink()

    found = loans.compare()

    assert (found.a.n_truths, found.differences[0].a) == (300, 1)
    signature = found.gates[-1]
    assert (signature.name, signature.status) == ("signature", "unknown")
    for one in bundles:
        one.unlink(missing_ok=True)
    with pytest.raises(RegistryError, match="can't be read"):
        loans.compare()


def test_versions_that_share_a_name_are_told_apart_by_their_digests(loans):
    loans.add("1", ["yes"] * 300, ["yes"] * 300)
    loans.add("2", ["yes"] * 300, ["yes"] * 300)
    loans.add("2", ["no"] * 300, ["yes"] * 300, since_us=1, bundle_digest="f" * 64)
    loans.add("2", ["no"] * 300, ["yes"] * 300, since_us=2, role="replay")

    assert loans.compare().differences[0].b == 1


def test_what_cannot_be_compared_is_an_error(loans, prices):
    with pytest.raises(InputError, match="the same version"):
        loans.compare("1", loans.bundles["1"].digest[:8])
    with pytest.raises(NotFound, match="'3'"):
        loans.compare("1", "3")
    with pytest.raises(SetupError, match="can't decide"):
        loans.compare(measure="root_mean_squared_error")
    with pytest.raises(SetupError, match="can't decide"):
        prices.compare(measure="root_mean_squared_error")


@pytest.mark.parametrize("cut", ["1", "2"])
def test_of_a_version_with_many_more_rows_those_of_the_whole_time_are_read(loans, monkeypatch, cut):
    monkeypatch.setattr("podium.comparison.samples.ROWS_MAX", 400)
    other = "2" if cut == "1" else "1"
    loans.add(cut, ["no"] * 2_000, ["yes"] * 2_000, every_us=1_000)
    loans.add(cut, ["yes"] * 2_000, ["yes"] * 2_000, since_us=2_000_000, every_us=1_000)
    loans.add(other, ["yes"] * 300, ["yes"] * 300, since_us=7, every_us=13_000)

    found = loans.compare()

    many = found.a if cut == "1" else found.b
    assert 380 <= many.n_truths <= 400
    assert (found.differences[0].a if cut == "1" else found.differences[0].b) == pytest.approx(
        0.5, abs=0.05
    )
    assert found.notes == (
        f"There are more truths: at most {100_000:,} of each version were read.",
    )


def test_rows_that_cannot_be_compared_are_not_read_without_end(loans, monkeypatch):
    monkeypatch.setattr("podium.comparison.samples.ROWS_MAX", 50)
    for version in ("1", "2"):
        loans.add(version, [None] * 90, ["yes"] * 90)

    assert loans.compare().notes[0].startswith("100 rows were left out")


def test_versions_that_predict_different_things_are_not_compared(loans, prices):
    other = prices.bundles["2"]
    loans.registry.register(other)

    with pytest.raises(SetupError, match=r"classification of .*, one a regression of"):
        loans.compare("1", other.digest)


def test_figures_are_those_of_the_card(loans):
    def sure(share):
        return {"prediction": "yes" if share > 0.5 else "no", "probabilities": {"yes": share}}

    truths = ["yes", "no"] * 150
    loans.add("1", [sure(0.6), sure(0.7)] * 150, truths)
    loans.add("2", [sure(0.7), sure(0.2), sure(0.9), sure(0.8)] * 75, truths)

    found = {one.name: (one.a, one.b) for one in loans.compare().differences}

    assert found["balanced_accuracy"] == pytest.approx((0.5, 0.75))
    assert found["f1_macro"] == pytest.approx(((0 + 2 / 3) / 2, (2 / 3 + 4 / 5) / 2))
    assert found["roc_auc"] == pytest.approx((0.0, 0.75))


@pytest.mark.parametrize("is_paired", [True, False])
def test_truths_of_one_key_do_not_decide_as_many_of_several_would(loans, is_paired):
    role = "shadow" if is_paired else "primary"
    if is_paired:
        loans.registry.promote("loans", "1")
        loans.registry.set_traffic("loans", "2", mode="shadow")

    def compared(key):
        for n in range(40):  # persons, each with 20 rows that are alike
            better = "yes" if n % 4 else "no"
            said = {"since_us": n * 20, "every_us": 1, "business_key": key(n)}
            loans.add("1", ["yes" if n % 2 else "no"] * 20, ["yes"] * 20, **said)
            truths = [None if is_paired else "yes"] * 20
            loans.add("2", [better] * 20, truths, role=role, **said)
        return loans.compare()

    together = compared(lambda n: f"person {n}")
    widths = {one.name: one.high - one.low for one in together.differences}
    loans.store.delete(list(loans.store.page(RecordQuery(), limit=10_000).records))
    apart = compared(lambda _: None)

    assert together.kind == apart.kind == ("paired" if is_paired else "independent")
    assert any("one key" in note for note in together.notes)
    assert not any("one key" in note for note in apart.notes)
    for one in apart.differences:
        assert widths[one.name] == pytest.approx((one.high - one.low) * np.sqrt(20), rel=0.3)
    assert apart.improvement.decided == "b"
    assert together.improvement.decided == ""
