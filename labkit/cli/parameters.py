"""A notebook's parameters: read from its tagged cell, and values checked against them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labkit.core.errors import InputError, NotFoundError
from labkit.core.registry import nearest

__all__ = ["Parameter", "no_template", "notebook_parameters", "typed_values"]

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list such as [a, b]",
    "dict": "a mapping such as {a: b}",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a notebook.

    Attributes
    ----------
    type : str
        ``str``, ``int``, ``float``, ``bool``, ``list`` or ``dict``, from its annotation or else
        from its default; empty where neither says.
    """

    name: str
    type: str
    default: Any
    help: str = ""


def notebook_parameters(notebook: Path) -> dict[str, Parameter]:
    """The parameters of the cell tagged ``parameters``, in order.

    Raises
    ------
    InputError
        The file is not a notebook, or has no such cell.
    """
    import nbformat
    from papermill import inspect_notebook

    try:
        nbformat.read(notebook, as_version=4)
        found = inspect_notebook(no_template(notebook))
    except FileNotFoundError as exc:
        raise NotFoundError(f"There is no notebook {str(notebook)!r}") from exc
    except (OSError, ValueError, KeyError, AttributeError, nbformat.ValidationError) as exc:
        raise InputError(f"{str(notebook)!r} cannot be read as a notebook", str(exc)) from exc
    if not found:
        raise InputError(
            f"{str(notebook)!r} takes no parameters", "no cell with values is tagged 'parameters'"
        )
    return {name: _parameter(raw) for name, raw in found.items()}


def no_template(path: Path) -> str:
    """Papermill fills in ``{name}`` in paths; a brace in a file's name is meant as one."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _parameter(raw: Mapping[str, str]) -> Parameter:
    try:
        default = ast.literal_eval(raw["default"])
    except (ValueError, SyntaxError):
        default = None
    declared = raw["inferred_type_name"].split("[")[0].strip()
    kind = declared if declared in _WORDS else type(default).__name__
    return Parameter(raw["name"], kind if kind in _WORDS else "", default, raw["help"])


def typed_values(
    given: Sequence[tuple[str, str]], known: Mapping[str, Parameter], notebook: str
) -> dict[str, Any]:
    """Values of ``-p name value`` pairs in the types that the notebook declares.

    Raises
    ------
    InputError
        A name that the notebook does not know (the nearest one is named), a name given twice, or
        a value of another type.
    """
    values: dict[str, Any] = {}
    for name, text in given:
        if name not in known:
            near = nearest(name, list(known))
            raise InputError(
                f"{notebook} has no parameter {name!r}",
                f"it takes {', '.join(known)}",
                f"did you mean {near!r}?" if near else "",
            )
        if name in values:
            raise InputError(f"The parameter {name!r} is given twice")
        values[name] = _typed(known[name], text)
    return values


def _typed(parameter: Parameter, text: str) -> Any:
    if parameter.type == "str":
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    if parameter.type == "float" and isinstance(value, int | float | str):
        try:  # YAML 1.1 takes 1e-3 for text
            value = text if isinstance(value, bool) else float(value)
        except ValueError:
            value = text
    expected = parameter.type
    if not expected or type(value).__name__ == expected:
        return value
    raise InputError(f"The parameter {parameter.name!r} takes {_WORDS[expected]}, not {text!r}")
