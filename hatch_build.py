"""Hatch's build hook: wheels and editable installs carry the built front ends."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontEnds(BuildHookInterface):  # type: ignore[type-arg]
    """Build what is missing or older than its source."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is made; in an editable install a failure only warns."""
        path = Path(self.root) / "extensions" / "build.py"
        spec = importlib.util.spec_from_file_location("labkit_front_ends", path)
        if spec is None or spec.loader is None:
            raise RuntimeError(f"{path} cannot be read")
        build = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = build  # dataclasses look their module up
        spec.loader.exec_module(build)
        for front in build.FRONT_ENDS:
            try:
                if not front.is_fresh():
                    front.build()
            except build.BuildError as exc:
                if version != "editable":
                    raise
                self.app.display_warning(
                    f"{front.folder.name} is not built and missing in Jupyter: {exc}"
                )
