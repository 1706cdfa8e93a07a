"""The forest kernel, the one part in C: built where a compiler is, left out where none is."""

import sys

from setuptools import Extension, setup

# Sums must round as they are written: no fused multiply-add.
FLAGS = [] if sys.platform == "win32" else ["-O3", "-std=c99", "-ffp-contract=off"]

setup(
    ext_modules=[
        Extension(
            "podium.program._forest",
            ["src/podium/program/_forest.c"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            extra_compile_args=FLAGS,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
