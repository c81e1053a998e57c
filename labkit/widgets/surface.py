"""The surface of a reviewer: an ipycanvas of two layers, and the glass over it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import ipywidgets
from ipycanvas import MultiCanvas

from labkit.core.skeleton import Skeleton
from labkit.core.types import AnnotatedObject, Frame
from labkit.widgets.closing import Whole
from labkit.widgets.glass import Glass
from labkit.widgets.messages import Config, ViewRequest
from labkit.widgets.painter import held, paint_frame, paint_mark, paint_objects
from labkit.widgets.pictures import Picture

__all__ = ["Surface"]

_STARTING = (
    '<p class="labkit-starting">The bench is starting. If this line stays, JupyterLab has not '
    "loaded the front ends of anywidget and ipycanvas: <code>pip install anywidget ipycanvas"
    "</code> into the environment that JupyterLab runs in, and load the page again.</p>"
)


class Surface(Whole, ipywidgets.GridBox):
    """Canvas and glass. All of it is to be used from one thread.

    Parameters
    ----------
    config : Config
        What the glass has to know.
    skeletons : mapping
        Label → the limbs between its keypoints.
    """

    def __init__(
        self, config: Config, skeletons: Mapping[str, Skeleton] = MappingProxyType({})
    ) -> None:
        self._skeletons = skeletons
        area = ipywidgets.Layout(grid_area="s")
        self.glass = Glass(config)
        self.canvas = MultiCanvas(2, width=16, height=16)
        self.canvas.add_class("labkit-canvas")
        # covered by the glass as soon as that is there
        starting = ipywidgets.HTML(_STARTING, layout=area)
        self._images: dict[str, ipywidgets.Image] = {}
        self._free: deque[ipywidgets.Image] = deque()
        self._mark = 0
        super().__init__(
            [starting, self.canvas, self.glass],
            layout=ipywidgets.Layout(
                grid_template_areas='"s"', grid_template_columns="minmax(0, 1fr)", width="100%"
            ),
        )
        self.add_class("labkit-surface")

    def image(self, frame_id: str, picture: Picture) -> str:
        """Give a frame's picture to the browser; the id of the model that carries it.

        Models are used again, the one that has been free for longest first. JupyterLab keeps each
        model that was ever opened until its page is closed, with the bytes of its picture.
        """
        image = self._free.popleft() if self._free else ipywidgets.Image()
        with image.hold_sync():
            image.format, image.value = picture.format, picture.data
        self.drop([frame_id])
        self._images[frame_id] = image
        return str(image.model_id)

    def drop(self, frame_ids: Iterable[str]) -> None:
        """Forget the pictures of these frames."""
        gone = [self._images.pop(f) for f in frame_ids if f in self._images]
        self._free.extend(gone)

    def paint(
        self,
        frame: Frame,
        objects: Sequence[AnnotatedObject],
        request: ViewRequest,
        followed_by: Mapping[int, str],
    ) -> int:
        """Paint a frame as a view shows it; the colour of the pixel that is painted last."""
        width = max(1, round(request["width"] * request["ratio"]))
        height = max(1, round(request["height"] * request["ratio"]))
        if (self.canvas.width, self.canvas.height) != (width, height):
            self.canvas.width, self.canvas.height = width, height
        self._mark = (self._mark + 0x10101 * 37) % 0xFFFFFF
        size = (frame.width, frame.height)
        with held():
            paint_frame(self.canvas[0], self._images.get(frame.frame_id), size, request)
            paint_objects(self.canvas[1], objects, request, self._skeletons, followed_by)
            paint_mark(self.canvas[1], self._mark)
        return self._mark

    def close(self) -> None:
        """Close all of its widgets."""
        for image in [*self._images.values(), *self._free]:
            image.close()
        self.close_children()
        super().close()
