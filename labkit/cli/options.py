"""Arguments that an error names, as the options of the command that is running."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import typer
from typer.core import TyperGroup, TyperOption

from labkit.core.errors import Argument, Wording

__all__ = ["spelled", "speller"]


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
        return str(argument) if command is None else _spell(typer.Context(command), argument)

    return spell


def spelled(text: str, context: typer.Context) -> str:
    """A text of the library with its arguments as options of the command of this context."""
    return Wording(text).spelled(lambda argument: _spell(context, argument))


def _spell(context: typer.Context, argument: Argument) -> str:
    params = context.command.get_params(context)
    option = next((p for p in params if p.name == argument.name), None)
    return _typed(option, argument) if isinstance(option, TyperOption) else str(argument)


def _typed(option: TyperOption, argument: Argument) -> str:
    name = max(option.opts, key=len)
    if not argument.has_value or argument.value is True:
        return name
    if argument.value is False:
        return option.secondary_opts[0] if option.secondary_opts else f"no {name}"
    if isinstance(argument.value, Mapping) and option.type_descriptor.annotation is Path:
        lines = "; ".join(f"{key}: {value}" for key, value in argument.value.items())
        return f"{lines!r} in the file of {name}"
    return f"{name} {_value(argument.value)}"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={share}" for key, share in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return shlex.quote(",".join(map(str, value)))
    return shlex.quote(str(value))
