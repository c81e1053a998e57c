"""Arguments that an error names, as the options of the command that is running."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence

import typer
from typer.core import TyperGroup, TyperOption

from labkit.core.errors import Argument

__all__ = ["speller"]


def speller(group: TyperGroup, args: Sequence[str]) -> Callable[[Argument], str]:
    """How an argument of the library is written as an option of the command in ``args``.

    Parameters
    ----------
    group : TyperGroup
        The application.
    args : sequence of str
        The command line.

    Returns
    -------
    callable
        From ``conf=0.3`` to ``--conf 0.3`` and from ``trust=True`` to ``--trust``. An argument for
        which the command has no option stays as Python writes it.
    """
    name = next((text for text in args if text in group.commands), "")

    def spell(argument: Argument) -> str:
        command = group.commands.get(name)
        params = command.get_params(typer.Context(command)) if command is not None else []
        options = {p.name: p for p in params if isinstance(p, TyperOption)}
        option = options.get(argument.name)
        return str(argument) if option is None else _typed(option, argument)

    return spell


def _typed(option: TyperOption, argument: Argument) -> str:
    name = max(option.opts, key=len)
    if not argument.has_value or argument.value is True:
        return name
    if argument.value is False:
        return option.secondary_opts[0] if option.secondary_opts else f"no {name}"
    return f"{name} {_value(argument.value)}"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={share}" for key, share in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return shlex.quote(",".join(map(str, value)))
    return shlex.quote(str(value))
