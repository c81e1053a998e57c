"""Detectors that can be used without a weights file of yours."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.models.detectors.base import DETECTORS, DetectorAdapter, KnownWeights

__all__ = ["KnownWeights", "catalogue"]


def catalogue() -> Sequence[KnownWeights]:
    """Every detector that is known by name: plug-ins, labkit's small model, then Ultralytics'."""
    out: dict[str, KnownWeights] = {}
    for name in reversed(DETECTORS.names()):
        plugin = DETECTORS[name]
        if isinstance(plugin, type) and issubclass(plugin, DetectorAdapter):
            plugin = plugin()
        if isinstance(plugin, DetectorAdapter):
            out |= {known.weights: known for known in plugin.known()}
        else:
            lines = (plugin.__doc__ or "").strip().splitlines()
            out[name] = KnownWeights(name, name, lines[0] if lines else "")
    return list(out.values())
