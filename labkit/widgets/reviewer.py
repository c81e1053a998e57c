"""The reviewer: a session by keyboard and mouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import ipywidgets

from labkit.core.errors import InputError
from labkit.core.skeleton import COCO_PERSON
from labkit.frames import FrameReader
from labkit.review import ReviewSession
from labkit.widgets.closing import Whole
from labkit.widgets.controller import Controller
from labkit.widgets.describe import skeleton_json
from labkit.widgets.fallback import has_front_end, static_html, static_text, still
from labkit.widgets.keymap import Keymap
from labkit.widgets.looks import MANY, looks_json
from labkit.widgets.messages import Config
from labkit.widgets.pictures import Pictures
from labkit.widgets.status import watch
from labkit.widgets.surface import Surface

__all__ = ["Reviewer"]


class Reviewer(Whole, ipywidgets.VBox):
    """Review a queue in the notebook.

    A verdict shows the next frame at once; the light says 'Saved' only after the decision has been
    committed, and a decision that is refused brings its frame back. Press ? for the keys.

    Parameters
    ----------
    session : ReviewSession
        From ``project.review(queue)``.
    keymap : {'default', 'cvat'}
        Named keys.
    keys : mapping, optional
        Changes to them: action → key, several keys or None; see :mod:`labkit.widgets.keymap`.
    height : int
        Height in CSS pixels.
    interactor : str
        What segments by clicks, at first: ``'sam2'``, ``'sam2-nano'`` (knows the drawn world
        only), ``'scissors'`` ...; another one can be chosen in the bench.
    tracker : str
        What T follows objects with: ``'flow'``, ``'mil'``, ``'linear'``, ``'sam2'`` ...

    Raises
    ------
    InputError
        An unknown keymap, action or key.

    Examples
    --------
    >>> session = p.review(p.queue(order="four-rules"), reviewer="ana")
    >>> reviewer = lk.Reviewer(session, keys={"accept_frame": ["a", "w"]})
    >>> reviewer  # shows it, as the last line of a cell  # doctest: +SKIP
    >>> reviewer.close()
    """

    def __init__(
        self,
        session: ReviewSession,
        *,
        keymap: str = "default",
        keys: Mapping[str, str | Sequence[str] | None] | None = None,
        height: int = 620,
        interactor: str = "sam2-nano",
        tracker: str = "flow",
    ) -> None:
        if not isinstance(session, ReviewSession):
            raise InputError(
                "A Reviewer needs a session",
                f"this is a {type(session).__name__}",
                "write lk.Reviewer(project.review())",
            )
        chosen = Keymap.make(keymap, keys)
        self.session = session
        self.surface = Surface(self._config(session, chosen, height), session.project.skeletons)
        reader = FrameReader(session.project.root)
        pictures = Pictures(reader, session.filters)
        self.controller = Controller(
            session, self.surface.glass.send, self.surface, pictures, interactor, tracker
        )
        self.surface.glass.on_message(self.controller.post)
        watch(session)
        super().__init__([self.surface], layout=ipywidgets.Layout(width="100%"))

    @staticmethod
    def _config(session: ReviewSession, keymap: Keymap, height: int) -> Config:
        labels = list(session.project.labels)
        return Config(
            id=uuid4().hex,
            labels=labels,
            keys=keymap.by_key(),
            sheet=keymap.sheet(labels),
            looks=looks_json(),
            skeleton=[*COCO_PERSON.limbs],
            skeletons={k: skeleton_json(s) for k, s in session.project.skeletons.items()},
            many=MANY,
            height=int(height),
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = {"text/plain": static_text(self.session), "text/html": static_html(self.session)}
        if not has_front_end():
            return bundle
        return {**super()._repr_mimebundle_(**kwargs), **still(bundle)}

    def close(self) -> None:
        """End the bench; what was decided is in the ledger."""
        if "controller" in self.__dict__:  # ipywidgets closes what was never finished, too
            self.controller.close()
            self.surface.close()
        self.close_children()
        super().close()
