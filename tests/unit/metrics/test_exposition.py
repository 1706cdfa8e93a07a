"""The text: as Prometheus reads it, whatever models are called."""

from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from podium.metrics import families
from podium.metrics.exposition import exposition
from podium.metrics.families import FAMILIES
from podium.metrics.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    made = Metrics()
    for family in FAMILIES:
        if family.kind != "histogram" and family.labels == ():
            made.watch(family, lambda: 12.5)
    made.watch(families.QUEUE_ROWS, lambda: 3, "churn", "1")
    made.watch(families.SHADOW_ROWS, lambda: 4, "churn", "2", "recorded")
    made.watch(families.ALERTS, lambda: 1, *families.ALERTS.labels)
    made.of("churn", "1").count_predicted(2, 2, [120, 99_000])
    made.of("churn", "1").batched(2, "turn")
    return made


def test_every_family_is_read_with_its_kind_and_its_text(metrics):
    found = {
        one.name: one for one in text_string_to_metric_families(exposition(metrics.snapshot()))
    }

    for family in FAMILIES:
        # The parser takes the ending of a counter off, which its samples keep.
        parsed = found[family.name.removesuffix("_total")]
        assert (parsed.type, parsed.documentation) == (family.kind, family.text)
        assert {one for sample in parsed.samples for one in sample.labels} - {"le"} == set(
            family.labels
        )
    assert len(found) == len(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.name)
def test_names_follow_the_conventions(family):
    assert re.fullmatch(r"(podium|process)_[a-z_]+", family.name)
    assert family.name.endswith("_total") == (family.kind == "counter")
    assert family.text.endswith(".")
    assert list(family.bounds) == sorted(set(family.bounds))


def test_buckets_hold_those_below_them_and_the_last_one_holds_all(metrics):
    text = exposition(metrics.snapshot())

    buckets = re.findall(r'_duration_seconds_bucket{.*le="(.*)"} (\d+)', text)
    counts = [int(count) for _, count in buckets]
    assert [bound for bound, _ in buckets][:4] == ["0.0001", "0.00025", "0.0005", "0.001"]
    assert [bound for bound, _ in buckets][-3:] == ["5", "10", "+Inf"]
    assert counts == sorted(counts)
    assert (counts[0], counts[1], counts[-1]) == (0, 1, 2)


@pytest.mark.parametrize("name", ['"', "\\", "a\nb", "\\n", 'x"} 1', "größe", "{", ""])
def test_a_name_of_any_characters_is_read_back(name):
    metrics = Metrics()
    metrics.of(name, "1").count_predicted(1, 1, [1])

    families = text_string_to_metric_families(exposition(metrics.snapshot()))
    models = {one.labels["model"] for f in families for one in f.samples if "model" in one.labels}
    assert models == {name}


def test_whole_numbers_stay_exact_however_large():
    metrics = Metrics()
    metrics.of("churn", "1").count_predicted(2**62 + 1, 1, [1])

    assert f'outcome="ok"}} {2**62 + 1}\n' in exposition(metrics.snapshot())


def test_families_without_numbers_are_left_out():
    text = exposition(Metrics().snapshot())

    assert "podium_requests_total" not in text
    assert text.endswith("\n")
