"""``labkit track`` on a clip of the embedded world, by optical flow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labkit.cli.app import run
from labkit.core.types import Manifest, Proposal, Shape
from labkit.demo import world
from labkit.project import Project
from labkit.store.proposals import RunStore

pytest.importorskip("cv2")
N = 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project on a clip, with the truth of two of its frames as a detector's run."""
    images = tmp_path / "images"
    images.mkdir()
    scenes = list(world.clip(3, frames=N, size=(192, 256)))
    for k, scene in enumerate(scenes):
        Image.fromarray(np.asarray(scene.image)).save(images / f"{k:03d}.png")
    with Project.create(tmp_path / "p", labels=world.LABELS) as p:
        p.add_frames(images)
        ids = p.frames().sort_values("uri")["frame_id"].tolist()
        found = [
            Proposal(ids[k], n, o.label, 0.9 - 0.5 * (n == 1), Shape(o.shape.box))
            for k in (2, 5)
            for n, o in enumerate(scenes[k].objects[:3])
        ]
        store = RunStore.create(p.root, Manifest("", "truth"), ids)
        store.write_part(0, found)
        store.finish()
    return tmp_path / "p"


def tracks(folder: Path, run_id: str | None = None):
    with Project.open(folder) as p:
        return p.tracks(run_id)


def test_the_first_frame_with_objects_to_the_end(folder, capsys):
    assert run(["track", str(folder), "--tracker", "flow"]) in (0, 4)
    out = capsys.readouterr().out
    assert "r0002-flow: 2 tracks" in out  # the third lies below the run's threshold
    df = tracks(folder)
    assert len(df) == 2
    assert (df["frames"] >= 2).all()


def test_back_from_a_frame_by_number_with_a_label(folder, capsys):
    with Project.open(folder) as p:
        label = str(p.proposals()["label"].iloc[0])
    args = ["track", str(folder), "--tracker", "flow", "--frame", "5", "--label", label]
    assert run([*args, "--to", "3", "--backward"]) == 0
    df = tracks(folder)
    assert set(df["label"]) == {label}
    with Project.open(folder) as p:
        place = {f: k for k, f in enumerate(p.frames()["frame_id"])}
        assert {place[f] for f in p.proposals("r0002")["frame_id"]} <= {2, 3, 4, 5}


def test_one_object_by_its_id_and_once_more(folder, capsys):
    with Project.open(folder) as p:
        name = p.proposals()["object_id"].iloc[0]
    args = ["track", str(folder), "--tracker", "flow", "--object", name, "--to", "4"]
    assert run(args) == 0
    assert run(args) == 0
    out = capsys.readouterr().out
    assert out.count("r0002-flow: 1 tracks") == 2
    with Project.open(folder) as p:
        assert len(p.runs()) == 2


def test_corrections(folder, capsys):
    assert run(["track", str(folder), "--tracker", "flow", "--conf", "0"]) == 0
    with Project.open(folder) as p:
        session = p.review(p.queue("r0002", order="random"), reviewer="ana")
        session.goto(p.frames()["frame_id"][4])
        thing = session.objects(0)[0]
        x1, y1, x2, y2 = thing.shape.box
        session.edit(thing.object_id, Shape((x1, y1, x2 + 5, y2 + 5)))
    assert run(["track", str(folder), "--run", "r0002", "--corrected"]) == 0
    out = capsys.readouterr().out
    assert "r0003-flow: 1 tracks" in out
    with Project.open(folder) as p:
        assert p.run("r0003").manifest.replaces == ["r0002-flow"]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--frame", "99"], 2, "No frame is called '99'"),
        (["--frame", "0"], 2, "nothing to track"),
        (["--label", "nobody"], 2, "No label is called 'nobody'"),
        (["--object", "nobody"], 2, "No object is called 'nobody'"),
        (["--to", "0"], 2, "other than 0"),
        (["--to", "elsewhere"], 2, "No frame is called 'elsewhere'"),
        (["--run", "r0009"], 2, "No run is called 'r0009'"),
        (["--corrected"], 2, "it is not a track run"),
        (["--corrected", "--to", "4"], 2, "cannot be used with --corrected"),
        (["--tracker", "no/such.pt"], 3, "no/such"),
    ],
)
def test_bad_arguments_are_one_line(folder, capsys, args, code, words):
    given = args if "--tracker" in args else [*args, "--tracker", "flow"]
    assert run(["track", str(folder), *given]) == code
    err = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(err) == 1
    assert words in err[0]


def test_a_frame_that_cannot_be_read(folder, capsys):
    with Project.open(folder) as p:
        frame = p.frame(p.frames()["frame_id"][4])
        path = p.path_of(frame)
    path.write_bytes(path.read_bytes()[:200])
    assert run(["track", str(folder), "--tracker", "flow"]) == 4
    captured = capsys.readouterr()
    assert "004.png" in captured.err
    assert "r0002-flow: 2 tracks" in captured.out
