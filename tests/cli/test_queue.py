"""``labkit queue``."""

import pandas as pd

from labkit.cli.app import run


def labkit(*args):
    return run([str(a) for a in args])


def test_queue_lists_frames_with_rule_and_reason(project, tmp_path, capsys):
    csv = tmp_path / "q.csv"
    assert labkit("queue", project, "--state", "all", "--limit", 5, "--csv", csv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["rank", "frame", "score", "rule", "reason"]
    assert len(lines) == 7
    assert lines[-1].startswith("and 7 more")
    assert len(pd.read_csv(csv)) == 12


def test_a_reviewed_project_has_an_empty_queue(project, capsys):
    assert labkit("queue", project) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
