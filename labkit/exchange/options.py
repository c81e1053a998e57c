"""A format's own options: the keyword-only arguments of its ``write`` and ``read``."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from labkit.core.errors import Argument, InputError
from labkit.core.registry import unknown

__all__ = ["Option", "checked", "options_of"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a format.

    Attributes
    ----------
    name : str
        Its name in Python.
    kind : type
        ``str``, ``int``, ``float``, ``bool`` or ``Path``: of one value.
    many : bool
        Whether it takes several values.
    choices : tuple of str
        The values that it may have, empty for any.
    required : bool
        Whether it has no default.
    help : str
        What the docstring says about it, in one line.
    """

    name: str
    kind: type
    many: bool
    choices: tuple[str, ...]
    required: bool
    help: str

    def parse(self, texts: Sequence[str]) -> Any:
        """The value of an option of the command line, from the texts given for it.

        Raises
        ------
        InputError
            A text is not such a value.
        """
        if self.many:  # one text holds several; of several, each is one value
            parts = texts if len(texts) > 1 else [part.strip() for part in texts[0].split(",")]
            return [self._one(part) for part in parts if part]
        if len(texts) > 1:
            raise InputError(Argument(self.name) + " is given twice")
        return self._one(texts[0])

    def _one(self, text: str) -> Any:
        if self.kind is bool:
            return text.strip().casefold() in {"1", "true", "yes", "on"}
        try:
            return self.kind(text)
        except ValueError as exc:
            words = {int: "a whole number", float: "a number"}
            raise InputError(
                Argument(self.name, text) + " cannot be used",
                f"it takes {words.get(self.kind, 'a ' + self.kind.__name__)}",
            ) from exc


def options_of(method: Callable[..., Any]) -> dict[str, Option]:
    """The options of a format's method by name.

    Parameters
    ----------
    method : callable
        ``write`` or ``read`` of a format.
    """
    helps = _parameter_docs(inspect.getdoc(method) or "")
    found = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            kind, many, choices = _value_of(_hint(method, parameter))
            required = parameter.default is parameter.empty
            found[name] = Option(name, kind, many, choices, required, helps.get(name, ""))
    return found


def checked(
    method: Callable[..., Any],
    format: str,
    given: Mapping[str, Any],
    common: Collection[str] = (),
) -> dict[str, Any]:
    """The options given for a format; None means the default.

    Parameters
    ----------
    method : callable
        ``write`` or ``read`` of the format.
    format : str
        Its name.
    given : Mapping
        Options by name.
    common : collection of str
        The names of arguments that every format has, to name the nearest for a wrong one.

    Raises
    ------
    NotFoundError
        The format has no such option, or the option no such value; the nearest is named.
    """
    options = options_of(method)
    for name, value in given.items():
        if value is None:
            continue
        if name not in options:
            raise unknown(f"option of the format {format}", name, [*options, *common])
        choices = options[name].choices
        if choices and value not in choices:
            raise unknown(name, value, list(choices))
    return {name: value for name, value in given.items() if value is not None}


def _hint(method: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """The type of a parameter; text where it names what only a type checker sees."""
    alone = types.SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        return get_type_hints(alone, getattr(method, "__globals__", {}))[parameter.name]
    except (NameError, TypeError, KeyError):
        return str


def _value_of(hint: Any) -> tuple[type, bool, tuple[str, ...]]:
    """Kind, whether several, and choices, from a type; of a union its first usable member."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        members = [m for m in get_args(hint) if m is not type(None)]
        several = [m for m in members if _value_of(m)[1]]
        return _value_of((several or members)[0])
    if origin is Literal:
        return str, False, tuple(str(choice) for choice in get_args(hint))
    if inspect.isclass(origin) and issubclass(origin, Sequence) and origin is not str:
        return _value_of((get_args(hint) or (str,))[0])[0], True, ()
    return hint if hint in (str, int, float, bool, Path) else str, False, ()


def _parameter_docs(text: str) -> dict[str, str]:
    """What a NumPy docstring says about each parameter, each in one line."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-+$|\Z)", text, re.M | re.S)
    found: dict[str, str] = {}
    for block in re.split(r"^(?=\S)", section[1] if section else "", flags=re.M):
        head, _, body = block.partition("\n")
        for name in head.partition(":")[0].split(","):
            if name.strip():
                found[name.strip()] = " ".join(body.split())
    return found
