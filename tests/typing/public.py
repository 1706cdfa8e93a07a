"""What a type checker makes of the public names."""

from __future__ import annotations

from typing import assert_type

import podium
from podium.bundle import Card
from podium.deployments.rows import Rollout, Version
from podium.evaluation.reports import ReplayReport
from podium.explanations.explanation import Explanation


@podium.model
def price(rooms: float, garden: bool = False) -> float:
    return 100_000 * rooms + 20_000 * garden


bundle = podium.load("churn.podium")
assert_type(bundle, podium.Bundle)
assert_type(bundle.signature, podium.Signature)
assert_type(bundle.card, Card)
assert_type(bundle.is_compiled, bool)
assert_type(bundle.predict({"age": 41}), podium.Outputs)
assert_type(podium.pack(price, name="price"), podium.Bundle)
assert_type(price.signature, podium.Signature)
registry = podium.Registry("podium-home")
assert_type(registry.promote("churn", "2"), Version)
assert_type(registry.set_traffic("churn", "3", share=0.1, key="customer"), Rollout)
assert_type(podium.replay("churn", "2", since="7d"), ReplayReport)
assert_type(podium.explain(bundle, {"age": 41}, label="left"), list[Explanation])
