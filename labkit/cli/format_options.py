"""The options that export formats bring with them, as options of the command line."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import typer
from typer.core import TyperCommand, TyperOption

from labkit.core.errors import LabkitError

if TYPE_CHECKING:
    from labkit.exchange.options import Option

__all__ = ["ExportCommand", "ImportCommand", "own_options"]

_Verb = Literal["write", "read"]


class _FormatCommand(TyperCommand):
    """A command with the options of all formats beside its own.

    They are read from the formats only when the command runs or shows its help. Those given are
    left in ``ctx.obj``; which of them the chosen format has is checked by :func:`own_options`.
    """

    verb: ClassVar[_Verb]

    def get_params(self, ctx: Any) -> list[Any]:
        """The command's own parameters, then those of the formats, then ``--help``."""
        own = super().get_params(ctx)
        names = {parameter.name for parameter in own}
        more = [p for p in _parameters(self.verb) if p.name not in names]
        return [*own[:-1], *more, *own[-1:]]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the formats' options apart from the arguments of the command's function."""
        rest = super().parse_args(ctx, args)
        own = {parameter.name for parameter in self.params}
        ctx.obj = {name: ctx.params.pop(name) for name in list(ctx.params) if name not in own}
        return rest


class ExportCommand(_FormatCommand):
    """``labkit export``."""

    verb: ClassVar[_Verb] = "write"


class ImportCommand(_FormatCommand):
    """``labkit import``."""

    verb: ClassVar[_Verb] = "read"


def own_options(ctx: typer.Context, format: str, verb: _Verb) -> dict[str, Any]:
    """The values of the format's options that were given.

    Raises
    ------
    NotFoundError
        There is no such format, or the format has no such option.
    InputError
        A text is not a value of its option.
    """
    from labkit.exchange.format import open_format
    from labkit.exchange.options import checked, options_of

    name, chosen = open_format(format)
    method = getattr(chosen, verb)
    given = {n: value for n, value in (ctx.obj or {}).items() if value not in (None, [], ())}
    known = options_of(method)
    texts = {n: [v] if isinstance(v, str) else v for n, v in given.items()}
    values = {
        n: value if isinstance(value, bool) or n not in known else known[n].parse(texts[n])
        for n, value in given.items()
    }
    common = [p.name for p in ctx.command.params if isinstance(p, TyperOption)]
    return checked(method, name, values, common)


def _parameters(verb: _Verb) -> list[Any]:
    """The options of all formats as typer's parameters, each name once."""
    found: dict[str, list[tuple[str, Option]]] = {}
    for kind, options in _all_options(verb):
        for name, option in options.items():
            found.setdefault(name, []).append((kind, option))

    def command() -> None: ...

    parameters = [_parameter(name, same) for name, same in found.items()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return list(typer.main.get_command(app).params)


def _all_options(verb: _Verb) -> list[tuple[str, dict[str, Option]]]:
    from labkit.exchange import FORMATS
    from labkit.exchange.format import open_format
    from labkit.exchange.options import options_of

    out = []
    for name in FORMATS:
        try:
            out.append((name, options_of(getattr(open_format(name)[1], verb))))
        except LabkitError:
            continue  # a plug-in that cannot be used is reported where it is asked for
    return out


def _parameter(name: str, same: list[tuple[str, Option]]) -> inspect.Parameter:
    flag = all(option.kind is bool for _, option in same)
    choices = {choice: None for _, option in same for choice in option.choices}
    metavar = "|".join(choices) or f"<{same[0][1].kind.__name__.lower()}>"
    helps = " ".join({option.help: None for _, option in same})
    text = f"{', '.join(owner for owner, _ in same)}: {helps}".replace("``", "")
    if flag:
        kind: Any = Annotated[bool | None, typer.Option(help=text)]
    else:
        kind = Annotated[list[str] | None, typer.Option(metavar=metavar, help=text)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
