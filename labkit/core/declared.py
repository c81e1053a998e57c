"""Plug-ins of labkit itself that lie in higher packages: their names, and where they are.

``labkit/__init__.py`` fills the table. It is text, so nothing is imported before it is needed, and
it also works in a checkout that has not been installed and so has no entry points.
"""

from __future__ import annotations

__all__ = ["DECLARED", "declare"]

DECLARED: dict[str, dict[str, str]] = {}
"""Entry-point group → name → ``'package.module:attribute'``."""


def declare(group: str, name: str, target: str) -> None:
    """Make a plug-in known; ``group`` is the registry's, without the prefix ``labkit.``."""
    DECLARED.setdefault(f"labkit.{group}", {})[name] = target
