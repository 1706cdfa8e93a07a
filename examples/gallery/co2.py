"""A date, and a typed Python function as the model: carbon dioxide in the air above Hawaii.

A trend and the seasons, fitted by statsmodels. The annotations of the function are the signature.

Data: Keeling and Whorf (2004), weekly means at Mauna Loa, 1958 to 2001; package statsmodels.
"""

import datetime
from typing import Annotated

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.datasets import co2

import podium


def terms(days: pd.DatetimeIndex) -> np.ndarray:
    """A curved trend, and two waves a year: shape (n_days, 7)."""
    years = (days - pd.Timestamp(1980, 1, 1)).days.to_numpy() / 365.25
    waves = [wave(2 * np.pi * n * years) for n in (1, 2) for wave in (np.sin, np.cos)]
    return np.column_stack([np.ones_like(years), years, years**2, *waves])


weeks = co2.load_pandas().data["co2"].dropna()
fit = sm.OLS(weeks.to_numpy(), terms(weeks.index)).fit()


@podium.model
def concentration(
    day: Annotated[datetime.date, "From March 1958 to 2001; later days continue the trend."],
) -> float:
    """How many of a million molecules of air are carbon dioxide (ppm), on Mauna Loa."""
    return round(float(fit.predict(terms(pd.DatetimeIndex([day])))[0]), 1)
