"""The report: one file, complete, honest about scripts and gaps, and names from data stay text."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import proposals_frame
from PIL import Image

from labkit.core.errors import InputError, StoreError
from labkit.core.types import Frame, FrameFailure, LabelChoice, Manifest, Proposal, Shape
from labkit.frames import scan
from labkit.report import choose_frames, contact_sheet, render_report, tiles_of, write_report
from labkit.report.facts import Facts
from labkit.review import ReviewSession, ScriptedReviewer, Slips
from labkit.review.timer import SimulatedClock
from labkit.store import ProjectStore, RunStore

EVIL = "<img src=x onerror=alert(1)>"
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order; keeps what the tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> without a beginning"
        assert self.open.pop() == tag, f"</{tag}> out of order"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def decide(
    project: ProjectStore, truth: pd.DataFrame, reviewer: str, n: int, **how: object
) -> None:
    queue = pd.DataFrame(
        {"frame_id": project.run().frame_ids, "score": 0.0, "rule": "", "reason": ""}
    )
    queue.insert(0, "rank", range(1, len(queue) + 1))
    session = ReviewSession(
        project,
        queue,
        project.proposals(),
        threshold=0.5,
        reviewer=reviewer,
        scripted=True,
        clock=SimulatedClock(),
        scope="own",
    )
    ScriptedReviewer(truth, **how).play(session, n)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> ProjectStore:
    """30 small frames, a run with one failure, two scripted reviewers; odd names everywhere."""
    root = tmp_path_factory.mktemp("project")
    (root / "img").mkdir()
    rng = np.random.default_rng(0)
    for k in range(30):
        pixels = rng.integers(0, 255, (96, 128, 3), dtype=np.uint8)
        name = f"{k:02d} <b>&'{chr(34)}.png" if k < 3 else f"{k:02d}.png"
        Image.fromarray(pixels).save(root / "img" / name)
    project = ProjectStore.create(root / "p", [EVIL, "car"], name=f"streets {EVIL}")
    project.append_frames(scan(root / "img", root=project.root).frames)
    frames = list(project.iter_frames())
    truth, proposed = [], []
    for frame in frames:
        for k in range(8):
            x, y = 14.0 * k, 60.0 * rng.random()
            label = EVIL if k % 2 else "car"
            truth.append(
                {"frame_id": frame.frame_id, "box": (x, y, x + 12, y + 20), "label": label}
            )
            if rng.random() < 0.8:
                score = float(rng.uniform(0.3, 1))
                wide = 12 if rng.random() < 0.8 else 20
                box = Shape(box=(x, y, x + wide, y + 20))
                choices = (LabelChoice(label, score),)
                proposed.append(Proposal(frame.frame_id, k, label, score, box, choices))
    manifest = Manifest(
        run_id="",
        model=f"yolo{EVIL}.pt",
        weights_sha256="c0ffee" * 10 + "abcd",
        params={"iou": 0.7, "imgsz": 640},
        label_map={EVIL: EVIL, "auto": "car", "teddy": None},
        versions={"torch": "2.14.1"},
    )
    run = RunStore.create(project.root, manifest, [f.frame_id for f in frames], "yolo")
    failure = FrameFailure(frames[4].uri, "the file is truncated & <i>bad</i>", frames[4].frame_id)
    run.write_part(
        0, [p for p in proposed if p.frame_id != frames[4].frame_id], [failure], {"teddy": 7}
    )
    run.finish()
    table = proposals_frame(truth)
    decide(project, table, "ana", 25, hand_above=6)
    decide(project, table, f"bo {EVIL}", 12, seed=1, slips=Slips(0.2, 0.2, 0.1, 0.3, 2.0))
    return project


@pytest.fixture(scope="module")
def page(reviewed: ProjectStore) -> str:
    return render_report(reviewed)


def test_the_page_is_well_formed_and_complete_in_itself(page: str) -> None:
    parsed = Page(page)
    assert not parsed.all("script")
    assert not parsed.all("link")
    assert not parsed.all("iframe")
    for tag, attrs in parsed.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            value = attrs.get(name)
            if value is not None:
                assert value.startswith(("data:image/", "#")), (tag, name, value[:60])
        assert not [name for name in attrs if name.startswith("on")]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_names_from_data_stay_text(page: str) -> None:
    parsed = Page(page)
    assert EVIL in parsed.text
    assert "<img src=x" not in page
    assert "<i>bad</i>" not in page
    assert "truncated & <i>bad</i>" in parsed.text
    assert not parsed.all("i")


def test_every_picture_has_a_text_and_every_table_its_headers(page: str) -> None:
    parsed = Page(page)
    images = parsed.all("img")
    assert len(images) >= 24
    assert all((image.get("alt") or "").strip() for image in images)
    assert len(parsed.all("caption")) == len(parsed.all("table"))
    assert all(th.get("scope") in ("col", "row") for th in parsed.all("th"))
    assert parsed.all("html")[0]["lang"] == "en"
    anchors = {a["href"] for a in parsed.all("a")}
    ids = {f"#{attrs['id']}" for _, attrs in parsed.tags if attrs.get("id")}
    assert anchors <= ids


def test_every_picture_can_be_decoded(page: str) -> None:
    for image in Page(page).all("img"):
        data = base64.b64decode((image["src"] or "").split(",", 1)[1])
        with Image.open(io.BytesIO(data)) as opened:
            opened.load()
            assert min(opened.size) > 50


def test_scripted_decisions_are_said_at_the_top(page: str, reviewed: ProjectStore) -> None:
    n = len(reviewed.decisions())
    text = Page(page).text
    sentence = f"All {n:,} decisions were made by a script, not by a person."
    assert text.index(sentence) < text.index("What the models proposed")


def test_the_page_says_what_was_done(page: str) -> None:
    text = Page(page).text
    for said in (
        "c0ffeec0ffee",  # weights
        "imgsz=640",
        "r0001-yolo",
        "ana",
        f"bo {EVIL}",
        "teddy dropped 7",
        "auto car",
        "Hand-label list",
        "Cohen's kappa",
        "Krippendorff",
        "torch",
        "Show proposals from",
        "by hand (",
        "1 frame could not be used",
    ):
        assert said in text, said


def test_numbers_on_the_page_are_those_of_the_metrics(page: str, reviewed: ProjectStore) -> None:
    from labkit.metrics import summary

    row = summary(reviewed).iloc[-1]
    text = Page(page).text
    assert f"all labels {int(row['n']):,} {100 * row['edit_rate']:.1f} %" in text
    assert f"missed {100 * row['miss_rate']:.1f} %" in text
    top = [f"{100 * row[r]:.1f} %" for r in ("edit_rate", "removal_rate", "correction_rate")]
    for word, value in zip(("edited", "removed", "edited or removed"), top, strict=True):
        assert f"{word} {value}" in text


def test_an_empty_project_gives_a_page_that_says_what_is_missing(tmp_path: Path) -> None:
    project = ProjectStore.create(tmp_path / "empty", ["car"])
    text = Page(render_report(project)).text
    assert "holds no frame yet" in text
    assert "Nobody has decided anything yet" in text
    assert "need decisions" in text
    assert "No frame to show" in text


def test_a_run_without_decisions_gives_a_page(tmp_path: Path, reviewed: ProjectStore) -> None:
    project = ProjectStore.create(tmp_path / "p", ["car"])
    frames = list(reviewed.iter_frames())[:3]
    project.append_frames(frames)
    run = RunStore.create(project.root, Manifest("", "m.onnx"), [f.frame_id for f in frames])
    run.write_part(0, [])
    run.finish()
    parsed = Page(render_report(project))
    assert "need decisions" in parsed.text
    # the files lie elsewhere: the sheet says so frame by frame instead of failing
    assert parsed.text.count("not decided yet") == 3


def test_a_page_of_24_photos_is_far_below_the_ceiling(tmp_path: Path, coco128: Path) -> None:
    project = ProjectStore.create(tmp_path / "photos", ["car"])
    project.append_frames(scan(coco128 / "images", root=project.root).frames)
    out = write_report(project, tmp_path / "out" / "report.html")
    assert len(Page(out.read_text("utf-8")).all("img")) == 24
    assert out.stat().st_size < 5e6


def test_it_is_written_where_it_was_asked_for(reviewed: ProjectStore, tmp_path: Path) -> None:
    assert write_report(reviewed, tmp_path, frames=0) == tmp_path / "report.html"
    out = write_report(reviewed, tmp_path / "a" / "b.html", title="Q3 <review>", frames=1)
    assert "<title>Q3 &lt;review&gt;</title>" in out.read_text("utf-8")
    assert [p.name for p in out.parent.iterdir()] == ["b.html"]


def test_what_cannot_be_written_is_said_in_a_sentence(
    reviewed: ProjectStore, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_report(reviewed, tmp_path / "file" / "report.html", frames=0)
    with pytest.raises(InputError, match="0 to 500"):
        write_report(reviewed, tmp_path, frames=501)


def test_a_read_only_project_can_be_reported(reviewed: ProjectStore, tmp_path: Path) -> None:
    with ProjectStore.open(reviewed.root, read_only=True) as project:
        assert write_report(project, tmp_path / "r.html", frames=2).exists()


def test_the_sheet_shows_each_frame_once_the_worst_first(reviewed: ProjectStore) -> None:
    facts = Facts.of(reviewed)
    chosen = choose_frames(facts, 24)
    everything = [i for ids in chosen.values() for i in ids]
    assert len(everything) == len(set(everything)) == 24
    assert len(chosen["Could not be used"]) == 1
    errors = facts.errors["errors"][chosen["Most corrected"]].tolist()
    assert errors == sorted(errors, reverse=True)
    waiting = chosen["Next in the queue"]
    assert waiting == facts.queue["frame_id"].tolist()[: len(waiting)]
    assert not set(waiting) & set(facts.states.index)
    assert choose_frames(facts, 0) == {}


def test_the_sheet_says_why_the_queue_brings_a_frame(page: str, reviewed: ProjectStore) -> None:
    first = Facts.of(reviewed).queue.iloc[0]
    assert f"{first['rule']}: {first['reason']}" in Page(page).text


def test_tiles_carry_the_queues_reason_the_verdict_and_the_objects(reviewed: ProjectStore) -> None:
    facts = Facts.of(reviewed)
    accepted = facts.states.index[facts.states["state"] == "accepted"][:2].tolist()
    tiles = tiles_of(facts, accepted, reasons={accepted[0]: "3 boxes at 0.41"})
    assert tiles[0].reason == "3 boxes at 0.41"
    assert "accepted by" in tiles[0].verdict
    assert "(script)" in tiles[0].verdict
    assert len(tiles[0].objects) > 3
    assert contact_sheet(tiles).height > 200


def test_undecided_proposals_are_shown_from_their_runs_threshold_up(
    reviewed: ProjectStore,
) -> None:
    facts = Facts.of(reviewed)
    open_frames = facts.frames.index.difference(facts.states.index).tolist()
    objects = [o for tile in tiles_of(facts, open_frames) for o in tile.objects]
    assert objects
    assert min(o.score for o in objects) >= 0.5


def test_frames_of_videos_are_named_with_their_number(tmp_path: Path) -> None:
    project = ProjectStore.create(tmp_path / "p", ["car"])
    project.append_frames(
        [
            Frame("0" * 16, "v", "a/b/clip.mp4", 12, 64, 48, 0.4, "v12", "a/b/clip.mp4"),
            Frame("1" * 16, "w", "a/raw.h264", 12, 64, 48, None, "w12", "a/raw.h264"),
            Frame("2" * 16, "x", "a\\b\\x.jpg", 0, 64, 48, None, "x", "a"),
        ]
    )
    names = Facts.of(project).frames["name"].tolist()
    assert names == ["clip.mp4 · 12", "raw.h264 · 12", "x.jpg"]
