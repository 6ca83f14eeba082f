"""Builds the native codec where a C compiler is there; without one the package is pure Python and does the same, slower."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "OTEL_VOICE_NATIVE"  # 0: do not build it; 1: fail where it cannot be built
MODULE = "otel_voice_processor.wire._native"
FOLDER = Path("processor/otel_voice_processor/wire")


class NativeCodec(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles `_native.c` for CPython's limited API: one build serves 3.11 and all that follow."""

    _folder = ""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build into the tree for an editable install, else into the wheel, which then is of this platform."""
        wanted = os.environ.get(VARIABLE, "")
        if version == "editable":
            for stale in [each for each in (Path(self.root) / FOLDER).glob("_native.*") if each.suffix in {".so", ".pyd"}]:
                stale.unlink()  # of another source, or not wanted any more
        limited = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
        if self.target_name != "wheel" or wanted == "0" or not (limited or wanted == "1"):
            return
        try:
            built = self._compile()
            if version == "editable":
                shutil.copy2(built, Path(self.root) / FOLDER)
        except BaseException as error:  # setuptools ends the program for some errors
            if wanted == "1" or isinstance(error, KeyboardInterrupt):
                raise
            self.app.display_warning(f"the native codec is not built, the package works without: {error}")
            return
        if version == "editable":
            return
        build_data["force_include"][str(built)] = f"otel_voice_processor/wire/{built.name}"
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Clean up."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _compile(self) -> Path:
        from setuptools import Distribution, Extension  # slow to import, and not needed by who does not build
        from setuptools.command.build_ext import build_ext

        source = str(Path(self.root) / FOLDER / "_native.c")
        options = [] if sys.platform == "win32" else ["-O3", "-g0", "-std=c11", "-Wall", "-Wextra", "-Wno-unused-parameter"]
        extension = Extension(MODULE, [source], extra_compile_args=options, py_limited_api=True)
        command = build_ext(Distribution({"name": "otel-voice", "ext_modules": [extension]}))
        self._folder = tempfile.mkdtemp(prefix="otel-voice-native-")  # what lies in the tree may be of another platform, or read-only
        command.build_temp = command.build_lib = self._folder
        command.ensure_finalized()
        command.run()
        return Path(command.get_ext_fullpath(MODULE))
