"""Ways to run a model, behind one protocol."""

from podium.runtimes.packed import PackedModel
from podium.runtimes.protocol import BatchPolicy, Runtime, RuntimeFeatures

__all__ = ["BatchPolicy", "PackedModel", "Runtime", "RuntimeFeatures"]
