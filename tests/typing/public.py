"""What a type checker makes of the public names."""

from __future__ import annotations

from typing import assert_type

import podium
from podium.bundle import Card
from podium.client.answers import Prediction, Predictions
from podium.client.client import Model
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
client = podium.Client("http://127.0.0.1:8000")
assert_type(client.model("churn"), Model)
assert_type(client.model("churn").predict({"age": 41}), Prediction)
assert_type(client.model("churn").predict([{"age": 41}]), Predictions)
assert_type(podium.explain(bundle, {"age": 41}, label="left"), list[Explanation])
