"""The stage's pictures, without a browser."""

from ipywidgets.widgets import widget as registry

from labkit.widgets.pictures import Picture
from labkit.widgets.stage import Stage


def picture(k):
    return Picture(f"bytes of {k}".encode(), "png" if k % 2 else "jpeg")


def test_a_thousand_frames_take_no_more_widgets_than_the_window_holds():
    stage = Stage({})
    for k in range(8):
        stage.image(f"frame-{k}", picture(k))
    before = len(registry._instances)
    for k in range(8, 1000):
        stage.drop([f"frame-{k - 8}"])
        stage.image(f"frame-{k}", picture(k))
    assert len(registry._instances) == before
    stage.close()


def test_a_model_that_is_used_again_carries_the_new_picture():
    stage = Stage({})
    first = stage.image("a", picture(1))
    other = stage.image("b", picture(2))
    assert first != other
    stage.drop(["a", "unknown"])
    assert stage.image("c", picture(3)) == first
    image = registry._instances[first]
    assert (image.value, image.format) == (b"bytes of 3", "png")
    stage.close()
    assert first not in registry._instances
    assert other not in registry._instances


def test_a_better_picture_of_a_frame_comes_under_another_name():
    stage = Stage({})
    reduced = stage.image("a", picture(1))
    full = stage.image("a", picture(2))
    assert full != reduced  # or the browser would take it for the one that it has
    assert stage.image("b", picture(3)) == reduced
    stage.close()
