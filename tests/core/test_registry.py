"""How names are found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.core import errors
from labkit.core.declared import declare
from labkit.core.registry import Registry, broken_plugins, unknown


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


# ---- entry points of installed packages


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``install('package', module_text, 'group', name='module:attribute')``, as pip would."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(package: str, text: str, group: str, **points: str) -> None:
        (tmp_path / f"{package}.py").write_text(text)
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[labkit.{group}]", *lines]) + "\n")

    return put


def test_a_broken_plug_in_is_reported_once_by_name_and_the_others_are_found(
    install: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    install("plug_a", "import no_such_module_here", "t1", bad="plug_a:one", worse="plug_a:two")
    install("plug_b", "good = print", "t1", good="plug_b:good")
    registry: Registry[object] = Registry("score", "t1")
    registry.register("own")(object())
    for _ in range(3):
        assert registry.names() == ["own", "good"]
    assert "bad" not in registry
    assert registry["good"] is print
    said = [r.getMessage() for r in caplog.records]
    assert said == [
        f"The score {name!r} of the package 'plug_a' cannot be used: "
        "ModuleNotFoundError: No module named 'no_such_module_here'"
        for name in ("bad", "worse")
    ]
    with pytest.raises(errors.InputError, match=r"The score 'bad' cannot be used.*'plug_a'"):
        registry["bad"]
    assert [str(b) for b in broken_plugins() if b.package == "plug_a"] == said


def test_asking_for_one_plug_in_imports_no_other(install: Callable[..., None]) -> None:
    install("plug_c", "raise SystemExit('the whole process')", "t2", bad="plug_c:one")
    install("plug_d", "good = print", "t2", good="plug_d:good")
    registry: Registry[object] = Registry("score", "t2")
    assert registry["good"] is print
    assert "plug_c" not in sys.modules
    assert registry.names() == ["good"]
    assert "SystemExit: the whole process" in str(registry.broken()[0])


def test_a_plug_in_that_is_of_another_kind_is_a_broken_one(install: Callable[..., None]) -> None:
    install("plug_e", "number = 7", "t3", number="plug_e:number", name="plug_e:gone")
    registry: Registry[object] = Registry("detector", "t3", callable)
    assert registry.names() == []
    reasons = {b.name: b.reason for b in registry.broken()}
    assert reasons["number"] == "plug_e:number is not a detector"
    assert reasons["name"].startswith("AttributeError")
    with pytest.raises(errors.InputError, match="7 is not a detector"):
        registry.register("seven")(7)


def test_of_two_packages_with_one_name_the_second_is_reported(
    install: Callable[..., None],
) -> None:
    install("plug_f", "one = print", "t4", same="plug_f:one")
    install("plug_g", "two = repr", "t4", same="plug_g:two")
    registry: Registry[object] = Registry("score", "t4")
    assert registry.names() == ["same"]
    assert [b.name for b in registry.broken()] == ["same"]
    assert "brings one of the same name" in registry.broken()[0].reason


def test_a_plug_in_may_register_itself_while_its_entry_point_is_loaded(
    install: Callable[..., None],
) -> None:
    text = "\n".join(
        [
            "from labkit.core import registry",
            "r = next(r for r in registry._registries if r.group == 'labkit.t5')",
            "@r.register('twice')",
            "def twice(): pass",
        ]
    )
    install("plug_h", text, "t5", twice="plug_h:twice")
    registry: Registry[object] = Registry("score", "t5")
    assert registry.names() == ["twice"]
    assert not registry.broken()


def test_a_cell_that_is_run_again_takes_its_own_place() -> None:
    registry: Registry[object] = Registry("score", "t6")

    def define() -> object:
        @registry.register("mine")
        def score() -> None: ...

        return score

    first, second = define(), define()
    assert first is not second
    assert registry["mine"] is second
    with pytest.raises(errors.InputError, match="already registered"):
        registry.register("mine")(print)


def test_what_comes_with_labkit_needs_no_entry_point() -> None:
    declare("t7", "own", "labkit.core.registry:unknown")
    registry: Registry[object] = Registry("function", "t7")
    assert registry["own"] is unknown
