"""A model as pure data: arrays and a plan of operations on them."""

from podium.program.features import RuntimeFeatures
from podium.program.kernel import kernel_name
from podium.program.plan import Answer, Plan
from podium.program.program import Program

__all__ = ["Answer", "Plan", "Program", "RuntimeFeatures", "kernel_name"]
