"""Hatch's build hook: wheels and editable installs carry the built front ends."""

from __future__ import annotations

import importlib.util
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
        spec.loader.exec_module(build)
        try:
            if not build.is_fresh():
                build.build_stage()
        except build.BuildError as exc:
            if version != "editable":
                raise
            self.app.display_warning(f"The front end is not built, so widgets show a notice: {exc}")
