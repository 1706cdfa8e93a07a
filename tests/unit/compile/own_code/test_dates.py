"""Times that are written as texts are recorded in the format of the code, or of the training data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from podium.errors import ModelError

DAYS = pd.date_range("2023-01-01", periods=60, freq="37h")
ROWS = pd.DataFrame(
    {
        "iso": DAYS.strftime("%Y-%m-%d"),
        "full": DAYS.strftime("%Y-%m-%d %H:%M:%S"),
        "us": DAYS.strftime("%m/%d/%Y"),
        "zulu": DAYS.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "few": ["Jan 05 2024", "Feb 06 2024"] * 30,
        "gap": [None if n % 7 == 0 else f"{day:%Y-%m-%d}" for n, day in enumerate(DAYS)],
        "mixed": [f"{day:%Y-%m-%d}" if n % 2 else f"{day:%d.%m.%Y}" for n, day in enumerate(DAYS)],
        "n": np.arange(60.0),
    }
)


def parts(time: Any) -> Any:
    since = time - pd.Timestamp("2020-01-01")
    return pd.DataFrame(
        {"m": time.dt.month, "d": time.dt.day_of_week, "s": since.dt.total_seconds()}
    )


@pytest.mark.parametrize(
    "how",
    [
        lambda d: parts(pd.to_datetime(d["iso"])),
        lambda d: parts(pd.to_datetime(d["full"])),
        lambda d: parts(pd.to_datetime(d["us"], format="%m/%d/%Y")),
        lambda d: parts(pd.to_datetime(d["gap"], format="%Y-%m-%d", errors="coerce")),
        lambda d: parts(pd.to_datetime(d["mixed"], format="%Y-%m-%d", errors="coerce")),
        lambda d: parts(pd.to_datetime(d["few"], format="%b %d %Y")),
        lambda d: pd.DataFrame({"h": pd.to_datetime(d["zulu"], utc=True).dt.hour}),
        lambda d: pd.DataFrame(
            {"lag": (pd.to_datetime(d["full"]) - pd.to_datetime(d["gap"])).dt.days.fillna(0)}
        ),
    ],
)
def test_times_in_texts_are_recorded(record: Any, how: Any):
    assert record(how, ROWS).why == ""


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (lambda d: parts(pd.to_datetime(d["iso"], errors="coerce")), "add format='%Y-%m-%d'"),
        (lambda d: parts(pd.to_datetime(d["iso"].str[:10])), "from the first row; add format="),
        (lambda d: parts(pd.to_datetime(d["mixed"], format="mixed")), "name one format"),
        (lambda d: pd.to_datetime(d["zulu"]).dt.hour.to_frame(), "add utc=True"),
        (lambda d: parts(pd.to_datetime(d["n"], unit="s")), "only that of texts and times"),
        (lambda d: d[["n"]].assign(t=pd.to_datetime(d["iso"])).drop(columns="t").assign(
            t=d["iso"].astype("datetime64[us]")).drop(columns="t"), "pd.to_datetime"),
    ],
)  # fmt: skip
def test_what_each_batch_would_decide_is_not(record: Any, how: Any, why: str):
    found = record(how, ROWS)

    assert found.program is None
    assert why in found.why


def test_without_a_format_another_one_is_refused(record: Any):
    found = record(lambda d: parts(pd.to_datetime(d["iso"])), ROWS[["iso"]])

    assert found.program.predict_rows([("1999-12-31",)]).predictions.shape == (1,)
    for text in ("31.12.1999", "1999-12-31 10:00", "now"):
        with pytest.raises(ModelError, match="'%Y-%m-%d' here"):
            found.program.predict_rows([(text,)])


def test_verification_tries_the_ends_of_months_in_the_format_of_the_texts(record: Any):
    early = pd.DataFrame({"day": [f"{n % 20 + 1:02}.{n % 12 + 1:02}.2023" for n in range(60)]})

    def lying(d: Any) -> Any:  # no training row has such a day
        day = pd.to_datetime(d["day"], format="%d.%m.%Y").dt.day
        return pd.DataFrame({"day": np.where(day > 28, 0, day) if type(d) is pd.DataFrame else day})

    found = record(lying, early)

    assert "differs from the original: day: times" in found.why
