"""The surface's pictures, without a browser."""

from ipywidgets.widgets import widget as registry

from labkit.widgets.pictures import Picture
from labkit.widgets.surface import Surface


def picture(k):
    return Picture(f"bytes of {k}".encode(), "png" if k % 2 else "jpeg")


def test_a_thousand_frames_take_no_more_widgets_than_the_window_holds():
    surface = Surface({})
    for k in range(8):
        surface.image(f"frame-{k}", picture(k))
    before = len(registry._instances)
    for k in range(8, 1000):
        surface.drop([f"frame-{k - 8}"])
        surface.image(f"frame-{k}", picture(k))
    assert len(registry._instances) == before
    surface.close()


def test_a_model_that_is_used_again_carries_the_new_picture():
    surface = Surface({})
    first = surface.image("a", picture(1))
    other = surface.image("b", picture(2))
    assert first != other
    surface.drop(["a", "unknown"])
    assert surface.image("c", picture(3)) == first
    image = registry._instances[first]
    assert (image.value, image.format) == (b"bytes of 3", "png")
    surface.close()
    assert first not in registry._instances
    assert other not in registry._instances


def test_a_better_picture_of_a_frame_comes_under_another_name():
    surface = Surface({})
    reduced = surface.image("a", picture(1))
    full = surface.image("a", picture(2))
    assert full != reduced  # or the browser would take it for the one that it has
    assert surface.image("b", picture(3)) == reduced
    surface.close()
