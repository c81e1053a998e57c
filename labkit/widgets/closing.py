"""Closing widgets whole: one that lives on beside its closed children stops a page's reload.

When a page is loaded again, JupyterLab asks the kernel for the state of every live widget. It gets
none at all where one of them refers to a closed model.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Whole"]


class Whole:
    """A container that closes everything that it shows, to the bottom."""

    def close_children(self) -> None:
        """Close them; a method, since modules may be gone when Python ends."""
        waiting: list[Any] = list(getattr(self, "children", ()))
        while waiting:
            child = waiting.pop()
            waiting.extend(getattr(child, "children", ()))
            child.close()
