"""Track: what follows the objects of the current frame."""

import pytest
from PIL import Image
from widgets.panels.hand import click

import labkit as lk
from labkit.demo import embedded_weights


@pytest.fixture
def moving(made, tmp_path):
    """A project of one scene that moves by a few pixels from frame to frame."""
    (tmp_path / "moving").mkdir()
    with Image.open(next((made / "scenes").glob("*.jpg"))) as scene:
        for k in range(4):
            scene.crop((3 * k, 0, 3 * k + 480, 384)).save(tmp_path / "moving" / f"{k}.png")
    with lk.Project.create(tmp_path / "q") as p:
        p.add_frames(tmp_path / "moving")
        p.predict(embedded_weights(), conf=0.5, progress=None)
        yield p


def test_objects_are_followed_and_tracked(moving, closing):
    project = moving
    order = project.frames()[["frame_id"]].assign(rule="order", reason="as added")
    with project.review(order, "ana") as session:
        panel = closing(lk.TrackPanel(session))
        panel.refresh()
        assert len(panel.list.options) == len(session.objects())
        click(panel, panel.follow)
        assert "Choose objects" in panel.message.value
        first = panel.list.options[0][1]
        panel.list.value = (first,)
        click(panel, panel.follow)
        panel.refresh()
        assert "flow" in panel.list.options[0][0]
        (held,) = session.followed
        assert held.object_id == first
        click(panel, panel.unfollow)
        assert session.followed == []
        panel.target.value = 2
        panel.list.value = (first,)
        click(panel, panel.track)
        assert panel.job.state == "finished", panel.state.value
        panel.refresh()
        assert "<td>#" in panel.tracks.value
        click(panel, panel.again)
        assert "nothing" in panel.message.value.lower()  # no correction was made
