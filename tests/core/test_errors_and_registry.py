"""What a user reads when something is wrong, and how names are found."""

from __future__ import annotations

import pytest

from labkit.core import errors
from labkit.core.extras import require
from labkit.core.registry import Registry, unknown


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


def test_a_missing_name_is_a_key_error_that_reads_well() -> None:
    error = unknown("order", "entropie", ["random", "entropy"])
    assert isinstance(error, KeyError)
    assert str(error) == (
        "No order is called 'entropie': known are random, entropy (did you mean 'entropy'?)"
    )
    assert "and 88 more" in str(unknown("frame", "x", [f"f{k}" for k in range(100)]))


def test_a_registry_knows_its_names_and_takes_each_once() -> None:
    registry: Registry[object] = Registry("score", "scores-of-a-test")
    registry.register("one")(object())
    assert "one" in registry
    assert list(registry) == ["one"]
    with pytest.raises(errors.InputError, match="already registered"):
        registry.register("one")(object())
    with pytest.raises(errors.NotFoundError, match="No score is called 'two'"):
        registry["two"]


def test_an_absent_extra_is_named() -> None:
    with pytest.raises(errors.InputError) as caught:
        require("no_such_module_at_all.sub", "fiftyone", "Export to FiftyOne")
    text = str(caught.value)
    assert text.startswith("Export to FiftyOne needs the package 'no_such_module_at_all'")
    assert text.endswith("(pip install 'labkit[fiftyone]')")
