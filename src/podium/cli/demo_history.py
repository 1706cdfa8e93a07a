"""What the demo's flights model has been through: two versions, recorded flights, and their truth."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from podium.access import ANYONE
from podium.account_settings import Accounts
from podium.app import App
from podium.bundle import load
from podium.deployments.registry import Registry
from podium.flow.version import LoadedVersion
from podium.hosts.predicted import predicted
from podium.jobs.job import Job
from podium.jobs.jobs import Jobs
from podium.records.record import Feedback
from podium.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

N_FLIGHTS = 1_000
# The truth about the last ones hasn't arrived yet.
N_TRUTHS = 900
# Rows of the file that is scored whose first cell is no number.
N_REFUSED = 3
_NOTE = "trained on January to June"


def make_history(
    model: str, first: Path, second: Path, flights: pd.DataFrame, truth: str, settings: Settings
) -> None:
    """Serve one version, promote another, and give the true outcomes of what they predicted.

    Nothing happens where the home folder knows versions of the model already, or where nothing is
    recorded.

    Args:
        first: the bundle of the version that answers the first half of the flights.
        second: that of the version which is promoted then.
        flights: N_FLIGHTS rows of the model's fields and of the column that `truth` names.
    """
    registry = Registry(settings.registry_folder, settings.trust)
    if not settings.records or registry.versions(model):
        return
    click.echo(f"predicting {len(flights):,} rows with two versions of {model} ...")
    logging.getLogger("podium").setLevel(logging.WARNING)
    # Nobody logs in here: these are predictions of the demo's own.
    settings = msgspec.structs.replace(settings, models=(), accounts=Accounts())
    app = App(str(first), settings=settings, is_local=True)
    try:
        app.start()
        half = len(flights) // 2
        ids = _predict(app, model, flights[:half])
        version = registry.register(load(second), note=_NOTE)
        app.versions.promote(model, version.digest, note=_NOTE)
        ids += _predict(app, model, flights[half:])
        _give_feedback(app, model, dict(zip(ids[:N_TRUTHS], flights[truth], strict=False)))
        champion = app.deployments[model].traffic.champion
    finally:
        app.close()
    _send_file(settings, champion, flights[list(champion.signature.names)])


def _send_file(settings: Settings, version: LoadedVersion, flights: pd.DataFrame) -> None:
    """Send a file, which the server scores as soon as it runs; its last rows are refused."""
    if not settings.job_bytes_max or version.bundle.path is None:
        return
    missing = flights.tail(N_REFUSED).assign(**{str(flights.columns[0]): "unknown"})
    text = flights.to_csv(index=False) + missing.to_csv(index=False, header=False)
    jobs, now_us = Jobs(settings), time.time_ns() // 1_000
    job = Job(
        id=secrets.token_hex(16),
        model=version.name,
        version=version.version,
        digest=version.digest,
        path=str(version.bundle.path),
        owner="demo",
        actor="demo",
        name="Flights of July",
        file="july.csv",
        state="waiting",
        created_us=now_us,
        queued_us=now_us,
        changed_us=now_us,
    )
    content = text.encode()
    with jobs.begun(len(content)) as upload:
        upload.write(content)
        jobs.add(job, upload)


def _predict(app: App, model: str, flights: pd.DataFrame) -> list[str]:
    traffic = app.deployments[model].traffic
    rows: Sequence[dict[str, Any]] = flights[list(traffic.champion.signature.names)].to_dict(
        "records"
    )
    found = [predicted(app.service, traffic, row, actor=ANYONE, source="demo") for row in rows]
    return [one.id for one in found if not isinstance(one, list)]


def _give_feedback(app: App, model: str, truths: dict[str, float]) -> None:
    now_us = time.time_ns() // 1_000
    feedback = {
        id_: Feedback(truth=msgspec.json.encode(float(truth)), time_us=now_us, actor="demo")
        for id_, truth in truths.items()
    }
    assert app.site.store is not None
    app.site.store.set_feedback_many(feedback, model=model)
