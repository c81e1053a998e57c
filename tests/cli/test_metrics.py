"""``labkit metrics`` and ``labkit report``."""

import json

import pandas as pd

from labkit.cli.app import run
from labkit.project import Project


def labkit(*args):
    return run([str(a) for a in args])


def test_metrics_prints_a_table_or_everything_as_json(project, tmp_path, capsys):
    csv = tmp_path / "m.csv"
    assert labkit("metrics", project, "--csv", csv) == 0
    table = capsys.readouterr().out
    assert "%" in table
    assert any(line.startswith("all ") for line in table.splitlines())
    assert pd.read_csv(csv)["label"].iloc[-1] == "all"
    assert labkit("metrics", project, "--json") == 0
    assert json.loads(capsys.readouterr().out)["scripted_share"] == 1


def test_metrics_of_a_project_without_decisions_says_so(tmp_path, capsys):
    Project.create(tmp_path / "p", labels=["cat"]).close()
    assert labkit("metrics", tmp_path / "p") == 0
    assert "all" in capsys.readouterr().out


def test_report_writes_one_page(project, tmp_path, capsys):
    assert labkit("report", project, "--out", tmp_path / "r.html", "--frames", 4) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "r.html")
    assert (tmp_path / "r.html").stat().st_size > 10_000
