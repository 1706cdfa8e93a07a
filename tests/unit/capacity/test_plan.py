"""What so many predictions need, by figures that were measured."""

from __future__ import annotations

import pytest

from podium.capacity.figures import Case, Figures, Server, Sizes
from podium.capacity.plan import MONTH_S, USE, need_of, rate_of
from podium.errors import SetupError


def case(n_connections: int, n_rows: int, per_s: float, p99_ms: float, **more: object) -> Case:
    values = {
        "n_workers": 1,
        "p50_ms": 1.0,
        "cpu_us_per_row": 30.0,
        "spread": 0.1,
        "failed": 0,
        "reasons": {},
        "load_share": 0.5,
    }
    return Case(
        n_connections=n_connections,
        n_rows=n_rows,
        requests_per_s=per_s,
        rows_per_s=per_s * n_rows,
        p99_ms=p99_ms,
        **(values | more),  # type: ignore[arg-type]
    )


def figures(*cases: Case, sizes: Sizes | None = None) -> Figures:
    return Figures(
        podium="0.1.0",
        model="churn",
        version="1",
        machine={"cores": 2, "cpu": "one"},
        is_recorded=True,
        seconds=1.0,
        n_rounds=3,
        others=0.0,
        servers=[Server(n_workers=1, ready_s=0.5, worker_mb=50.0, shipper_mb=20.0)],
        cases=list(cases),
        sizes=sizes,
    )


CASES = (case(1, 1, 3_000, 0.5), case(64, 1, 20_000, 9.0), case(64, 100, 1_500, 60.0))


@pytest.mark.parametrize(
    ("text", "per_s"),
    [
        ("2000/s", 2_000),
        ("1_200 / min", 20),
        ("360k/h", 100),
        ("8.64M/day", 100),
        ("2.592G/month", 1e3),
    ],
)
def test_a_rate_is_a_number_in_a_time(text: str, per_s: float) -> None:
    assert rate_of(text) == pytest.approx(per_s)


@pytest.mark.parametrize("text", ["", "2000", "2000/week", "-5/s", "0/s", "nan/s", "5K/s", "5/s/s"])
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SetupError) as refused:
        rate_of(text)

    assert "2000/s" in refused.value.hint


def test_the_fastest_way_that_is_quick_enough_decides() -> None:
    quick = need_of(figures(*CASES), 6_000, p99_ms=1.0, n_rows=1)
    patient = need_of(figures(*CASES), 6_000, p99_ms=10.0, n_rows=1)

    assert quick.case == CASES[0]
    assert quick.workers == 4  # 6,000 of 3,000 each, which may be busy for 60 % of the time
    assert patient.case == CASES[1]
    assert patient.workers == 1
    assert patient.cores == pytest.approx(6_000 * 30e-6 / USE)
    assert quick.memory_mb == 4 * 50 + 20


def test_the_disk_is_what_the_rows_of_a_month_take() -> None:
    sizes = Sizes(outbox_alone=400, outbox_together=100, sqlite=500)

    alone = need_of(figures(*CASES, sizes=sizes), 10, p99_ms=100, n_rows=1)
    together = need_of(figures(*CASES, sizes=sizes), 10, p99_ms=100, n_rows=100)

    assert alone.store_gb_per_month == pytest.approx(10 * MONTH_S * 500 / 2**30)
    assert alone.outbox_mb_per_h == pytest.approx(10 * 3_600 * 400 / 2**20)
    assert together.outbox_mb_per_h == pytest.approx(10 * 3_600 * 100 / 2**20)
    assert need_of(figures(*CASES), 10, p99_ms=100, n_rows=1).store_gb_per_month is None


def test_several_workers_that_share_the_cores_are_not_counted_twice() -> None:
    shared = case(64, 1, 30_000, 9.0, n_workers=4)

    need = need_of(figures(*CASES, shared), 12_000, p99_ms=10, n_rows=1)

    assert need.case == shared
    assert need.workers == 1  # one alone had 20,000, and 12,000 are 60 % of that


@pytest.mark.parametrize(
    ("p99_ms", "n_rows", "said"),
    [(0.1, 1, "within 0.1 ms; the best was 0.5 ms"), (50, 7, "with 7 rows in a request")],
)
def test_what_was_not_measured_is_not_guessed(p99_ms: float, n_rows: int, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        need_of(figures(*CASES), 10, p99_ms=p99_ms, n_rows=n_rows)


def test_figures_of_a_server_elsewhere_say_nothing_of_its_cpu() -> None:
    with pytest.raises(SetupError, match="CPU of the server wasn't measured"):
        need_of(figures(case(1, 1, 10, 1.0, cpu_us_per_row=None)), 10, p99_ms=50, n_rows=1)
