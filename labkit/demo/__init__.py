"""The demo: the whole flow in one call, on photos of yours or on the two that are always there."""

from labkit.demo.flow import Demo, Model
from labkit.demo.photos import shipped_photos

__all__ = ["Demo", "Model", "shipped_photos"]
