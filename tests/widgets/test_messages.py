"""The messages of the kernel and those of the page are one and the same."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "extensions" / "generate_messages.py"


@pytest.fixture
def generator():
    spec = importlib.util.spec_from_file_location("generate_messages", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_the_page_was_built_from_is_what_the_kernel_sends():
    checked = subprocess.run(
        [sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_a_file_that_differs_is_named_and_left_alone(generator, tmp_path, monkeypatch, capsys):
    for name in generator.MADE_FROM:
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(generator.HERE / name, tmp_path / name)
    name = next(iter(generator.MADE_FROM))
    changed = (tmp_path / name).read_text("utf-8").replace("frame_id", "frame")
    (tmp_path / name).write_text(changed, "utf-8")
    root = generator.HERE.parent
    monkeypatch.setattr(generator, "HERE", tmp_path)
    monkeypatch.setattr(generator, "ROOT", root)
    assert generator.main(["--check"]) == 1
    assert name in capsys.readouterr().err
    assert (tmp_path / name).read_text("utf-8") == changed
    assert generator.main() == 0
    assert generator.main(["--check"]) == 0


def test_annotations_become_typescript(generator, tmp_path, monkeypatch):
    (tmp_path / "m.py").write_text(
        '''
from typing import Literal, NotRequired, TypeAlias, TypedDict

from labkit.core.types import State

Limb: TypeAlias = tuple[int, int]
"""Two places."""

class ShapeJson(TypedDict):
    """A ``shape``."""

    kind: Literal["box", "mask"]
    limbs: NotRequired[list[Limb | None]]
    by: dict[str, list[float]]

class Some(TypedDict, total=False):
    ok: bool

Either: TypeAlias = ShapeJson | Some
''',
        "utf-8",
    )
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    text = generator.generate("m.py").split("\n\n", 1)[1]
    assert text == (
        'export type State = "proposed" | "accepted" | "edited" | "rejected" | "added";\n\n'
        "/** Two places. */\nexport type Limb = [number, number];\n\n"
        "/** A `shape`. */\nexport interface Shape {\n"
        '  kind: "box" | "mask";\n  limbs?: (Limb | null)[];\n'
        "  by: Record<string, number[]>;\n}\n\n"
        "export interface Some {\n  ok?: boolean;\n}\n\n"
        "export type Either = Shape | Some;\n"
    )


def test_what_has_no_counterpart_is_an_error(generator, tmp_path, monkeypatch):
    (tmp_path / "m.py").write_text("class M(TypedDict):\n    x: set[int]\n", "utf-8")
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    with pytest.raises(generator.MessageError, match="set"):
        generator.generate("m.py")
