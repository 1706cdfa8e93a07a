"""What is counted while servers share a home, and while workers are killed."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import podium
from podium.monitoring.counts_file import CountsFile
from podium.monitoring.windows import total
from podium.testing import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from asking import children_of

pytestmark = pytest.mark.slow


def becomes(home, n_rows):
    """Whether so many rows are in the file, within a minute."""
    until_s = time.monotonic() + 60
    while counted(home).n_rows != n_rows and time.monotonic() < until_s:
        time.sleep(0.1)
    return counted(home).n_rows == n_rows


def counted(home):
    file = CountsFile(home / "monitoring.db")
    found = file.read("churn", 0, 10**9)
    file.close()
    return total(one for some in found.values() for one in some)


def ask(server, n_rows):
    for number in range(n_rows):
        body = json.dumps({"x": number / 10, "y": 0.0}).encode()
        request = urllib.request.Request(f"{server.address}/api/models/churn/predict", body)
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200


def test_two_servers_and_killed_workers_count_each_row_once(tmp_path):
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"x": random.normal(size=500), "y": random.normal(size=500)})
    target = np.where(rows.x > 0, "yes", "no")
    model, path = LogisticRegression().fit(rows, target), tmp_path / "churn.podium"
    bundle = podium.pack(model, rows, target, path=path, name="churn")
    home = tmp_path / "home"

    with ServerProcess(str(path), home=home, environment={"PODIUM_WORKERS": "2"}) as first:
        with ServerProcess(str(path), home=home) as second:
            ask(first, 40)
            ask(second, 30)
        assert becomes(home, 70)
        for child in children_of(first.pid):
            os.kill(child, signal.SIGKILL)
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:
            try:
                ask(first, 1)
                break
            except OSError:
                time.sleep(0.1)
        ask(first, 9)

    sums = counted(home)
    assert sums.n_rows == sums.n_counted == 80
    n_fields = [sums.counts[one].sum() for one in sums.counts if one.kind == "field"]
    assert n_fields == [80] * len(bundle.signature.fields)
