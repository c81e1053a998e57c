"""What a wheel carries: the built front ends, which are not in git."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_a_wheel_carries_both_front_ends(tmp_path):
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    spec = importlib.util.spec_from_file_location("front_ends", ROOT / "extensions" / "build.py")
    build = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = build
    spec.loader.exec_module(build)
    if not all(front.is_fresh() for front in build.FRONT_ENDS):
        pytest.skip("the front ends are not built: python extensions/build.py")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"labkit/widgets/static/stage.js", "labkit/widgets/static/stage.css"} <= set(names)
    assert "labkit/py.typed" in names
    folder = "/data/share/jupyter/labextensions/labkit-lab/"
    lab = {name.partition(folder)[2] for name in names if folder in name}
    assert {"install.json", "package.json", "schemas/labkit-lab/plugin.json"} <= lab
    assert any(name.startswith("static/remoteEntry.") for name in lab)
    assert not [name for name in names if "node_modules" in name]
