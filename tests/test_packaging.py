"""The package as a whole: what it declares, what it loads, what it may import."""

import ast
import json
import logging
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import labkit

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HEAVY = ["torch", "ultralytics", "fiftyone", "pandas", "numpy", "IPython", "cv2", "typer"]
# cv2 by ultralytics-opencv-headless, hydra and omegaconf by sam2, and by no second package
BROUGHT_BY_OTHERS = {"cv2", "hydra", "omegaconf"}


def requirements(*extras):
    project = PYPROJECT["project"]
    groups = [project["dependencies"], *(project["optional-dependencies"][e] for e in extras)]
    return {str(Requirement(text)) for group in groups for text in group}


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ).stdout


def test_environment_yml_equals_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    assert len(pip) == len(set(pip))
    extras = set(PYPROJECT["project"]["optional-dependencies"]) - {"dev"}
    assert {str(Requirement(x)) for x in pip if x != "-e ."} == requirements(*extras)
    python_pin = next(d for d in environment["dependencies"] if str(d).startswith("python"))
    assert python_pin == f"python{PYPROJECT['project']['requires-python']}"


def test_constraints_allow_what_pyproject_asks_for_and_pin_every_direct_dependency():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pinned = {canonicalize_name(p.name): next(iter(p.specifier)).version for p in pins}
    assert len(pinned) == len(pins)
    for text in requirements("dev", "onnx", "postgres", "sam2", "fiftyone"):
        need = Requirement(text)
        assert need.specifier.contains(pinned[canonicalize_name(need.name)]), text
    assert not {"ultralytics", "opencv-python", "opencv-contrib-python"} & set(pinned)


def test_everything_that_labkit_imports_is_declared():
    extras = set(PYPROJECT["project"]["optional-dependencies"]) - {"dev"}
    declared = {canonicalize_name(Requirement(text).name) for text in requirements(*extras)}
    owners = packages_distributions()
    undeclared = {}
    for path in sorted((ROOT / "labkit").rglob("*.py")):
        for name in imported(path) - sys.stdlib_module_names - {"labkit"} - BROUGHT_BY_OTHERS:
            if not {canonicalize_name(d) for d in owners.get(name, [name])} & declared:
                undeclared[path.name] = name
    assert not undeclared


def imported(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_import_labkit_loads_nothing_heavy():
    loaded = json.loads(python("import labkit, sys, json; print(json.dumps(list(sys.modules)))"))
    assert not [name for name in HEAVY if name in loaded]


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["predict", "--help"]])
def test_help_loads_nothing_heavy(args):
    code = f"import sys; from labkit.cli import app; app.run({args!r}); print(*sys.modules)"
    loaded = python(code).split()
    assert not [name for name in HEAVY if name in loaded and name != "typer"]


def test_the_stub_and_the_lazy_names_are_the_same_and_all_resolve():
    stub = ast.parse((ROOT / "labkit" / "__init__.pyi").read_text())
    names = {a.asname for node in stub.body for a in node.names}
    assert None not in names, "a stub re-exports by `import x as x`"
    assert names == set(labkit.__all__)
    for name in names:
        assert getattr(labkit, name) is not None


def test_version_is_the_one_of_the_build():
    path = ROOT / PYPROJECT["tool"]["hatch"]["version"]["path"]
    assert re.search(r'__version__ = "(.+)"', path.read_text())[1] == labkit.__version__


def test_import_contracts_hold(monkeypatch):
    from importlinter.cli import lint_imports

    monkeypatch.chdir(ROOT)
    try:
        assert lint_imports(no_cache=True) == 0
    finally:  # it configures logging, which switches every other logger off
        logging.getLogger("labkit").disabled = False


def test_types_and_contracts_hold_for_every_package():
    packages = {f"labkit.{p.parent.name}" for p in (ROOT / "labkit").glob("*/__init__.py")}
    tool = PYPROJECT["tool"]
    assert tool["mypy"]["packages"] == ["labkit"]
    assert not [o for o in tool["mypy"]["overrides"] if "ignore_errors" in o]
    assert (ROOT / "labkit" / "py.typed").exists()
    layers, torch, jupyter = tool["importlinter"]["contracts"]
    assert layers["exhaustive"]
    assert packages - set(torch["source_modules"]) == {"labkit.models"}
    assert packages - set(jupyter["source_modules"]) == {"labkit.widgets", "labkit.cli"}


def test_notebooks_are_saved_without_output_and_take_parameters():
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        notebook = json.loads(path.read_text("utf-8"))
        code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
        assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5), path.name
        assert all(not c["outputs"] and c["execution_count"] is None for c in code), path.name
        tagged = [c for c in code if "parameters" in c["metadata"].get("tags", [])]
        assert len(tagged) == 1, path.name
