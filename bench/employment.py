"""What drifts in the census of Massachusetts, year by year, of a model that was trained on 2015.

The table comes with the package nannyml (Apache-2.0), from the American Community Survey: age,
schooling, family, disabilities, origin and whether somebody is employed. Each year is compared as
`podium drift` compares a file, and the model's accuracy is measured on it.

    pip download --no-deps nannyml
    python -m bench.employment nannyml-0.13.1-py3-none-any.whl
"""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

import podium
from podium.monitoring.counts import count_outputs, count_table, histograms_of
from podium.monitoring.drift import WINDOWS_A_YEAR, drift_of
from podium.table import Table

FOLDER, TARGET = "nannyml/datasets/data/employment_MA_", "employed"
NOT_FIELDS = ["id", TARGET, "year", "prediction", "predicted_probability"]


def tables(wheel: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of 2015, and those of later years with their truth."""
    with zipfile.ZipFile(wheel) as archive:
        reference, analysis, target = (
            pd.read_parquet(archive.open(f"{FOLDER}{name}.pq"))
            for name in ("reference", "analysis", "analysis_target")
        )
    later = analysis.merge(target, on="id")
    for table in (reference, later):
        for name in table.columns.difference([*NOT_FIELDS, "AGEP"]):
            table[name] = table[name].astype(str)
    return reference, later


def main() -> None:
    """Pack the model, and print what drifted in each year."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    reference, later = tables(parser.parse_args().wheel)
    names = [name for name in reference.columns if name not in NOT_FIELDS]
    others = [name for name in names if name != "AGEP"]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    model = make_pipeline(
        make_column_transformer((encoder, others), remainder="passthrough"),
        HistGradientBoostingClassifier(random_state=0),
    )
    held_out = np.random.default_rng(0).random(len(reference)) < 0.25
    train, test = reference[~held_out], reference[held_out]
    model.fit(train[names], train[TARGET])
    with tempfile.TemporaryDirectory() as folder:
        bundle = podium.pack(
            model, train[names], train[TARGET], name="employment", path=folder, importance=False
        )
        histograms = histograms_of(bundle.baseline)
        years = [("2015, held out", test), *later.groupby("year")]
        for year, rows in years:
            table = Table.of(rows[names])
            outputs = bundle.runtime.predict(table)
            counts = count_table(bundle.baseline, bundle.signature, table)
            counts |= count_outputs(bundle.baseline, bundle.signature, outputs)
            drifts = {what: drift_of(histograms[what], some) for what, some in counts.items()}
            told = [
                f"{what.name} {one.psi:.3f} {level}"
                for what, one in sorted(drifts.items(), key=lambda both: -both[1].psi)
                if (level := one.level_for(len(drifts) * WINDOWS_A_YEAR)) != "none"
            ]
            accuracy = (outputs.predictions == rows[TARGET].to_numpy()).mean()
            print(f"{year}: {len(rows):,} rows, accuracy {accuracy:.1%}")
            print(f"    {', '.join(told) or 'nothing drifted'}")


if __name__ == "__main__":
    main()
