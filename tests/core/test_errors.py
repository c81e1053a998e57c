"""What a user reads when something is wrong."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from labkit.core import errors
from labkit.core.errors import Argument, InputError, LabkitError, Wording


def test_a_message_is_one_line_with_cause_and_remedy() -> None:
    text = str(errors.LabkitError("Cannot read 'a\nb'", "it is\tempty\r\n", "give another"))
    assert text == "Cannot read 'a b': it is empty (give another)"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.InputError, 2),
        (errors.NotFoundError, 2),
        (errors.StoreError, 2),
        (errors.StaleDecisionError, 2),
        (errors.ModelUnavailableError, 3),
        (errors.CancelledError, 5),
    ],
)
def test_exit_codes(kind, code) -> None:
    assert kind("what").exit_code == code


def dashed(argument: Argument) -> str:
    return f"--{argument.name}"


def test_an_argument_is_spelled_as_python_does_unless_asked() -> None:
    error = InputError(
        Argument("store_above", 0.7) + " is above " + Argument("conf", 0.5),
        "nothing lies between",
        "lower " + Argument("store_above") + " or raise " + Argument("conf"),
    )
    assert str(error) == (
        "store_above=0.7 is above conf=0.5: nothing lies between (lower store_above or raise conf)"
    )
    assert error.spelled(dashed) == (
        "--store_above is above --conf: nothing lies between (lower --store_above or raise --conf)"
    )


def test_text_that_looks_like_an_argument_stays_as_it_is() -> None:
    assert InputError("the file conf=1.jpg", "trust=True").spelled(dashed) == (
        "the file conf=1.jpg: trust=True"
    )


def test_a_message_with_arguments_is_one_line_too() -> None:
    error = InputError(Argument("order", "a\nb") + " is\nno  order", Argument("x", np.eye(2)))
    assert str(error) == r"order='a\nb' is no order: x=array([[1., 0.], [0., 1.]])"
    assert "\n" not in error.spelled(str)


def test_values_are_written_as_people_type_them(tmp_path) -> None:
    assert str(Argument("conf", np.float32(0.5))) == "conf=0.5"
    assert str(Argument("path", tmp_path)) == f"path='{tmp_path}'"
    assert str(Argument("split", {"train": 0.8})) == "split={'train': 0.8}"
    assert str(Argument("imgsz", None)) == "imgsz=None"


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_arguments_survive_copies_and_other_processes(again) -> None:
    error = again(LabkitError("No", remedy="pass " + Argument("trust", True)))
    assert str(error) == "No (pass trust=True)"
    assert error.spelled(dashed) == "No (pass --trust)"


def test_parts_are_joined_from_both_sides() -> None:
    text = "a " + (Argument("b") + " c") + " d " + Argument("e", 1)
    assert isinstance(text, Wording)
    assert text == "a b c d e=1"
    assert text.spelled(dashed) == "a --b c d --e"
