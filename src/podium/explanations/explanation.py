"""The explanation of one answer: how much each field moved it away from the average answer."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Link: TypeAlias = Literal["probability", "log-odds", "log", "identity"]
Method: TypeAlias = Literal["additive", "trees", "enumeration", "sampling"]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The base and the contributions of all fields add up to the value.

    Attributes:
        base: the mean of the explained number over the background rows.
        value: the explained number for the row.
        contributions: of each field, in the order of the signature; 0 for one that has no effect.
        standard_errors: of the contributions, where they were estimated from a sample; else None.
        link: what the number is: the `probability` of the class, its `log-odds` (for three classes
            or more against the geometric mean of the others), the `log` of the prediction, or the
            prediction or score itself (`identity`).
        method: how the contributions were computed; all but `sampling` are exact. `additive` models
            are sums of functions of one field each, such as linear ones.
        output: the position of the explained output in the signature.
        label: the position of the explained class among the output's classes; None for a number.
        n_background: how many background rows there were.
    """

    base: float
    value: float
    contributions: dict[str, float]
    standard_errors: dict[str, float] | None = None
    link: Link
    method: Method
    output: int = 0
    label: int | None = None
    n_background: int
