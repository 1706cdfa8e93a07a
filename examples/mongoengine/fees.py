"""The model of the shop: a function."""

from typing import Annotated, Literal

import podium


@podium.model
def fee(
    age: Annotated[float, podium.Range(0, 120), "In years."],
    plan: Literal["free", "pro"],
) -> float:
    """The monthly fee of a customer."""
    return (0.0 if plan == "free" else 12.5) * (0.5 if age < 26 else 1.0)
