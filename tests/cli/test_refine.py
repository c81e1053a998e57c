"""``labkit refine``: a run's boxes become masks on the command line."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("sam2")

from labkit.cli.app import run
from labkit.project import Project


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    import torch

    from labkit.demo.embedded import WEIGHTS
    from labkit.models.sam2.build import build

    torch.set_num_threads(1)
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "own.pt"
    config = WEIGHTS / "sam2_nano.yaml"
    torch.save({"model": build(config).state_dict()}, path)
    shutil.copy(config, path.with_suffix(".yaml"))
    return path


def test_a_run_is_refined_and_named(demo_project, checkpoint, tmp_path, capsys):
    folder = tmp_path / "project"
    shutil.copytree(demo_project, folder)
    args = ["refine", str(folder), "--run", "r0001", "--with", str(checkpoint), "--device", "cpu"]
    assert run([*args, "--min-score", "0.5", "--replace"]) == 0
    said = capsys.readouterr().out
    assert "r0002-own" in said
    assert "refined from r0001" in said
    with Project.open(folder) as p:
        assert set(p.proposals()["run_id"].astype(str)) == {"r0002-own"}
        assert p.proposals()["mask_counts"].notna().mean() > 0.5


def test_a_model_that_cannot_be_had_is_exit_code_3(demo_project, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "project"
    shutil.copytree(demo_project, folder)
    monkeypatch.setenv("LABKIT_OFFLINE", "1")
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    assert run(["refine", str(folder), "--with", "facebook/sam2.1-hiera-large"]) == 3
    assert "curl -L" in capsys.readouterr().err


def test_an_unknown_run_or_interactor_is_exit_code_2(demo_project, checkpoint, tmp_path, capsys):
    folder = tmp_path / "project"
    shutil.copytree(demo_project, folder)
    assert run(["refine", str(folder), "--run", "r0099", "--with", str(checkpoint)]) == 2
    assert run(["refine", str(folder), "--with", "sam2-nan"]) == 2
    assert "did you mean 'sam2-nano'" in capsys.readouterr().err
