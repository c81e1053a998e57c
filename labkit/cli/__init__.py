"""The command line: ``main`` is the entry point; one module per group of commands."""

from labkit.cli.app import main

__all__ = ["main"]
