"""Fitted estimators to programs: exporters, and the verification that decides."""

from podium.compile.builder import Builder
from podium.compile.compiler import Compiled, StepReport, compile_model
from podium.compile.features import Computed, Features, Fitted, Input, NotCompiled
from podium.compile.labels import classes_of
from podium.compile.own_code.state import unchanged
from podium.compile.registers import Codes
from podium.compile.registry import Exporter
from podium.compile.verify import Original, Verification, verify, verify_opaque

__all__ = [
    "Builder",
    "Codes",
    "Compiled",
    "Computed",
    "Exporter",
    "Features",
    "Fitted",
    "Input",
    "NotCompiled",
    "Original",
    "StepReport",
    "Verification",
    "classes_of",
    "compile_model",
    "unchanged",
    "verify",
    "verify_opaque",
]
