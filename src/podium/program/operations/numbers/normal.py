"""Quantiles of the normal distribution, without scipy."""

from __future__ import annotations

import numpy as np

from podium.table import Array

# Rational approximations, highest power first: Cephes' ndtri.c, as scipy's norm.ppf evaluates it.
# https://netlib.org/cephes/
_MIDDLE = (
    [-5.99633501014107895267e1, 9.80010754185999661536e1, -5.66762857469070293439e1,
     1.39312609387279679503e1, -1.23916583867381258016e0],
    [1.0, 1.95448858338141759834e0, 4.67627912898881538453e0, 8.63602421390890590575e1,
     -2.25462687854119370527e2, 2.00260212380060660359e2, -8.20372256168333339912e1,
     1.59056225126211695515e1, -1.18331621121330003142e0],
)  # fmt: skip
_TAIL = (
    [4.05544892305962419923e0, 3.15251094599893866154e1, 5.71628192246421288162e1,
     4.40805073893200834700e1, 1.46849561928858024014e1, 2.18663306850790267539e0,
     -1.40256079171354495875e-1, -3.50424626827848203418e-2, -8.57456785154685413611e-4],
    [1.0, 1.57799883256466749731e1, 4.53907635128879210584e1, 4.13172038254672030440e1,
     1.50425385692907503408e1, 2.50464946208309415979e0, -1.42182922854787788574e-1,
     -3.80806407691578277194e-2, -9.33259480895457427372e-4],
)  # fmt: skip
_FAR_TAIL = (
    [3.23774891776946035970e0, 6.91522889068984211695e0, 3.93881025292474443415e0,
     1.33303460815807542389e0, 2.01485389549179081538e-1, 1.23716634817820021358e-2,
     3.01581553508235416007e-4, 2.65806974686737550832e-6, 6.23974539184983293730e-9],
    [1.0, 6.02427039364742014255e0, 3.67983563856160859403e0, 1.37702099489081330271e0,
     2.16236993594496635890e-1, 1.34204006088543189037e-2, 3.28014464682127739104e-4,
     2.89247864745380683936e-6, 6.79019408009981274425e-9],
)  # fmt: skip
_ROOT_OF_TAU = 2.50662827463100050242
_EXP_OF_MINUS_2 = 0.13533528323661269189


def quantile_of(shares: Array) -> Array:
    """The quantiles of the standard normal distribution for these probabilities.

    Infinite for 0 and 1; NaN outside of that range.
    """
    with np.errstate(all="ignore"):
        is_upper = shares > 1.0 - _EXP_OF_MINUS_2
        tail = np.where(is_upper, 1.0 - shares, shares)
        is_middle = tail > _EXP_OF_MINUS_2
        out = _middle(np.where(is_middle, tail, 0.5))
        if not is_middle.all():
            far = _tail(np.where(is_middle, _EXP_OF_MINUS_2, tail))
            out = np.where(is_middle, out, np.where(is_upper, far, -far))
        return np.where(shares == 0, -np.inf, np.where(shares == 1, np.inf, out))


def _middle(shares: Array) -> Array:
    y = shares - 0.5
    square = y * y
    top, bottom = _MIDDLE
    quantiles: Array = y + y * (square * _polynomial(square, top) / _polynomial(square, bottom))
    return quantiles * _ROOT_OF_TAU


def _tail(shares: Array) -> Array:
    x = np.sqrt(-2.0 * np.log(shares))
    z = 1.0 / x
    near, far = (
        z * _polynomial(z, top) / _polynomial(z, bottom) for top, bottom in (_TAIL, _FAR_TAIL)
    )
    quantiles: Array = x - np.log(x) / x - np.where(x < 8.0, near, far)
    return quantiles


def _polynomial(x: Array, coefficients: list[float]) -> Array:
    total: Array = np.full(x.shape, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total
