"""Frames far larger than a screen: reduced at first, all their pixels where one looks closely."""

import numpy as np
import pytest
from PIL import Image

from labkit.core.types import Manifest, Proposal, Shape
from labkit.project import Project
from labkit.store import RunStore

_STRIPES = """() => {
  const canvas = document.querySelector(".lk-base");
  const y = Math.round(canvas.height / 2), x = Math.round(canvas.width / 2) - 40;
  const { data } = canvas.getContext("2d").getImageData(x, y, 80, 1);
  const values = [];
  for (let k = 0; k < data.length; k += 4) values.push(data[k]);
  const dark = values.filter(v => v < 60).length, light = values.filter(v => v > 195).length;
  return dark > 30 && light > 30;
}"""


@pytest.fixture
def large(lab):
    """Stripes of one pixel, which no reduced picture can hold."""
    folder = lab.folder / "large"
    (folder / "frames").mkdir(parents=True)
    row = np.where(np.arange(4000) % 2, 255, 0).astype(np.uint8)
    for k in range(2):
        pixels = np.repeat(np.tile(row, (2400, 1))[:, :, None], 3, axis=2)
        pixels[0, 0] = k  # no two frames are the same file
        Image.fromarray(pixels).save(folder / "frames" / f"{k}.png")
    with Project.create(folder / "project", labels=["stripe"]) as p:
        p.add_frames(folder / "frames")
        ids = [f.frame_id for f in p.iter_frames()]
        run = RunStore.create(p.root, Manifest("", "m", part_size=2, conf=0.5), ids)
        box = Shape((1000.0, 500.0, 3000.0, 1500.0))
        run.write_part(0, [Proposal(i, 0, "stripe", 0.9, box) for i in ids])
        run.finish()
    return folder / "project"


def test_zoomed_in_a_large_frame_has_all_its_pixels(page, large):
    page.open(large)
    assert not page.page.evaluate(_STRIPES)  # fitted, they are grey
    page.press("Shift+V")
    page.page.wait_for_function(_STRIPES, timeout=60_000)
    page.covered(False)
    page.press("v")
    page.covered(False)
    page.press("a")
    page.at(2)
    page.saved()
    assert (page.decisions()["kind"] == "accept_frame").sum() == 1
    page.leave()
