"""README and docs: their code runs, their links lead somewhere, and no name is left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import labkit as lk
from labkit.demo.embedded import embedded_weights
from labkit.demo.files import write_coco, write_stills

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
RUN = ("README.md", "docs/bench.md", "docs/segment-and-track.md", "docs/metrics.md")

STAND_INS = {
    "yolo11n.pt": "WEIGHTS",  # the small YOLO that comes with labkit, for one that is fetched
    '"person"': '"nut"',
    '"vehicle"': '"bolt"',
    '"car"': '"washer"',
    ', "bus": "bolt"': "",
    '"sam2"': '"sam2-nano"',
    "coco-person": "coco-person",
    "412, 230": "*inside",  # a point of an object that is shown
    "430, 300": "*outside",
}
"""What a page says, and what the drawn world has instead."""


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 125


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    missing = [x for x in links if "://" not in x and not (page.parent / x).exists()]
    assert missing == []


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``images/``, where the pages' code finds what it needs."""
    write_stills(tmp_path / "images", 8, seed=2)
    (tmp_path / "images" / "truth.parquet").unlink(missing_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(text: str, names: dict[str, Any], where: str) -> None:
    for said, there in STAND_INS.items():
        text = text.replace(said, there)
    text = text.replace("WEIGHTS", embedded_weights().as_posix())
    exec(compile(text, where, "exec"), names)  # the pages are ours


def test_the_code_of_the_readme_runs(desk):
    names: dict[str, Any] = {}
    for k, block in enumerate(blocks(ROOT / "README.md", "python")):
        run(block, names, f"README.md, block {k + 1}")
    assert (desk / "report.html").exists()
    assert names["p"].decisions()["kind"].tolist().count("undo") == 1


@pytest.fixture
def reviewed(desk: Path) -> dict[str, Any]:
    """What the README's code leaves behind: ``lk``, ``p``, ``run``, ``queue`` and ``s``."""
    names: dict[str, Any] = {}
    for block in blocks(ROOT / "README.md", "python"):
        run(block, names, "README.md")
    return names


def test_the_code_about_the_bench_runs(reviewed):
    first, *_ = blocks(ROOT / "docs" / "bench.md", "python")
    run(first, reviewed, "docs/bench.md")


def test_the_code_about_metrics_runs(reviewed):
    for block in blocks(ROOT / "docs" / "metrics.md", "python"):
        run(block, reviewed, "docs/metrics.md")


def test_the_code_about_segmenting_and_tracking_runs(reviewed):
    pytest.importorskip("sam2")
    x1, y1, x2, y2 = reviewed["s"].objects()[0].shape.box
    reviewed |= {"inside": ((x1 + x2) / 2, (y1 + y2) / 2), "outside": (x2 + 20, y2 + 20)}
    [block] = blocks(ROOT / "docs" / "segment-and-track.md", "python")
    before, after = block.split("p.retrack(run)")
    run(before, reviewed, "docs/segment-and-track.md")
    correct_a_track(reviewed["p"], reviewed["run"])
    run("p.retrack(run)" + after, reviewed, "docs/segment-and-track.md")
    assert not reviewed["p"].tracks(reviewed["run"]).empty


def correct_a_track(p: lk.Project, track_run: str) -> None:
    with p.review(p.queue(track_run, decided=None), run=track_run) as session:
        while not (tracked := [o for o in session.objects() if o.state == "proposed"]):
            assert session.next() is not None
        x1, y1, x2, y2 = tracked[0].shape.box
        session.edit(tracked[0].object_id, (x1 + 1, y1, x2 + 1, y2))


def test_the_code_about_datasets_runs(reviewed, desk):
    write_stills(desk / "images", 8, seed=2)
    reviewed["p"].export("yolo", "dataset", include="all", task="detect")
    for block in blocks(ROOT / "docs" / "datasets.md", "python"):
        for line in block.splitlines():
            if '"coco", "dataset/"' in line:
                write_coco(desk / "coco", 8, seed=2)
                line = line.replace("dataset/", "coco/annotations.json")
            run(line, reviewed, "docs/datasets.md")


def test_every_command_is_documented():
    from labkit.cli.app import app

    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    names = [c.name or c.callback.__name__ for c in app.registered_commands]
    assert [n for n in names if f"`labkit {n}`" not in page] == []


def everything() -> str:
    return "\n".join(page.read_text("utf-8") for page in PAGES)


def test_every_plug_in_is_named_in_the_docs():
    from labkit.exchange import FORMATS
    from labkit.models.interactors import interactor_names
    from labkit.models.trackers import tracker_names
    from labkit.queue.order import orders
    from labkit.queue.scores import scores

    text = everything()
    models = [n for n in (*interactor_names(), *tracker_names()) if "/" not in n]  # Meta's names
    names = [*FORMATS.names(), *models, *scores.names(), *orders.names()]
    assert [n for n in names if not re.search(rf"[`\"']{re.escape(n)}[`\"':]", text)] == []


def test_every_public_name_is_named_in_the_docs():
    text = everything()
    assert [n for n in lk.__all__ if not n.startswith("_") and n not in text] == []


def test_every_rate_is_defined():
    from labkit.metrics.rates import RATES

    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert [name for name in RATES if f"| `{name}` |" not in page] == []
