"""How names are found."""

from __future__ import annotations

import pytest

from labkit.core import errors
from labkit.core.registry import Registry, unknown


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
