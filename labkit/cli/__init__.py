"""The command line: ``main`` is the entry point; one module a group of commands."""

from labkit.cli.app import main

__all__ = ["main"]
