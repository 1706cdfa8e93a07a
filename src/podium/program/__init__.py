"""A model as pure data: arrays and a plan of operations on them."""

from podium.program.features import BatchPolicy, RuntimeFeatures
from podium.program.kernel import kernel_name
from podium.program.plan import Plan, PlanOutput
from podium.program.program import Program

__all__ = ["BatchPolicy", "Plan", "PlanOutput", "Program", "RuntimeFeatures", "kernel_name"]
