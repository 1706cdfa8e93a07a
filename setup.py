"""The kernels in C: built where a compiler is, left out where none is."""

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel

# Sums must round as they are written: no fused multiply-add.
FLAGS = [] if sys.platform == "win32" else ["-O3", "-std=c99", "-ffp-contract=off"]


class Wheel(bdist_wheel):
    """A wheel that is of one platform only where a kernel is in it."""

    def run(self) -> None:
        """Build first, look what came of it, and name the wheel after that."""
        if not self.skip_build:
            self.run_command("build")
        build = self.get_finalized_command("build_ext")
        built = [Path(build.get_ext_fullpath(one.name)) for one in self.distribution.ext_modules]
        if not any(file.is_file() for file in built):
            self.distribution.ext_modules = []
            self.root_is_pure, self.py_limited_api = True, ""
        super().run()


setup(
    ext_modules=[
        Extension(
            f"podium.program._{name}",
            [f"src/podium/program/_{name}.c"],
            depends=["src/podium/program/_kernel.h"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            extra_compile_args=FLAGS,
            optional=True,
        )
        for name in ("distances", "forest", "products", "shapley")
    ],
    cmdclass={"bdist_wheel": Wheel},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
