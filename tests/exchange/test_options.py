"""A format's own options: read from the signature, checked, and parsed from text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from labkit.core.errors import InputError, NotFoundError
from labkit.exchange.options import checked, options_of

if TYPE_CHECKING:
    from elsewhere import Unknown


def write(
    out: Unknown,
    *,
    task: Literal["detect", "segment"] | None = None,
    names: Sequence[str] | Mapping[int, str] | None = None,
    folders: list[Path] | None = None,
    digits: int = 3,
    scale: float = 1.0,
    loud: bool = False,
    odd: Unknown = None,
    plain=None,
) -> None:
    """Write it.

    Parameters
    ----------
    out : Unknown
        Not an option.
    task : {'detect', 'segment'}, optional
        What is
        written.
    digits, scale : number
        How numbers are written.

    Returns
    -------
    loud : bool
        Not its help.
    """


def test_types_choices_and_help_are_read_from_the_signature() -> None:
    options = options_of(write)
    assert list(options) == [
        "task", "names", "folders", "digits", "scale", "loud", "odd", "plain",
    ]  # fmt: skip
    kinds = {name: (o.kind, o.many) for name, o in options.items()}
    assert kinds == {
        "task": (str, False),
        "names": (str, True),
        "folders": (Path, True),
        "digits": (int, False),
        "scale": (float, False),
        "loud": (bool, False),
        "odd": (str, False),
        "plain": (str, False),
    }
    assert options["task"].choices == ("detect", "segment")
    assert options["task"].help == "What is written."
    assert options["scale"].help == options["digits"].help == "How numbers are written."
    assert options["loud"].help == ""
    assert not any(o.required for o in options.values())


@pytest.mark.parametrize(
    ("name", "texts", "value"),
    [
        ("digits", ["4"], 4),
        ("scale", ["1e-3"], 0.001),
        ("loud", ["Yes"], True),
        ("loud", ["0"], False),
        ("task", ["segment"], "segment"),
        ("names", ["a, b,,c"], ["a", "b", "c"]),
        ("names", ["a, b", "c"], ["a, b", "c"]),
        ("folders", ["x,y"], [Path("x"), Path("y")]),
    ],
)
def test_texts_become_values(name: str, texts: list[str], value: object) -> None:
    assert options_of(write)[name].parse(texts) == value


@pytest.mark.parametrize(("name", "texts"), [("digits", ["4.5"]), ("scale", ["x"])])
def test_a_text_that_is_no_value_is_refused(name: str, texts: list[str]) -> None:
    with pytest.raises(InputError, match=f"{name}='{texts[0]}' cannot be used"):
        options_of(write)[name].parse(texts)


def test_none_is_the_default_and_wrong_names_and_choices_name_the_nearest() -> None:
    given = {"task": None, "digits": 2, "nothing": None}
    assert checked(write, "x", given) == {"digits": 2}
    with pytest.raises(NotFoundError, match="did you mean 'digits'"):
        checked(write, "x", {"digit": 2})
    with pytest.raises(NotFoundError, match="did you mean 'include'"):
        checked(write, "x", {"inclde": "all"}, ["include"])
    with pytest.raises(NotFoundError, match="did you mean 'detect'"):
        checked(write, "x", {"task": "detct"})
