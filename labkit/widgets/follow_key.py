"""The key T: follow the chosen objects from frame to frame, or stop following them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from labkit.review import ReviewSession

__all__ = ["FollowKey"]


class FollowKey:
    """Switches following on and off. All of it runs on the inbox's thread.

    Parameters
    ----------
    session : ReviewSession
    later : callable
        Puts work into the inbox, from any thread, and shows the text that it returns.
    tracker : str
        The tracker that follows, until another one is chosen.
    """

    def __init__(
        self,
        session: ReviewSession,
        later: Callable[[Callable[[], str]], None],
        tracker: str = "flow",
    ) -> None:
        self._session, self._later = session, later
        self.tracker = tracker
        self._notes: dict[int, str] = {}

    @property
    def followed_by(self) -> dict[int, str]:
        """Track → the name of the tracker that holds it."""
        return {f.track_id: f.tracker for f in self._session.followed}

    def toggle(self, object_ids: Collection[str]) -> str:
        """Follow these objects of the current frame, or stop where all of them are followed.

        A tracker that is not open yet is opened on a thread of its own, and takes over then.
        """
        session, name = self._session, self.tracker
        chosen = [session.view.object(i) for i in object_ids]
        held = self.followed_by
        if all(o.track_id in held for o in chosen):
            for o in chosen:
                session.unfollow(o.object_id)
            return f"{_objects(len(chosen))} no longer followed"
        ids, frame_id = [o.object_id for o in chosen], session.frame_id
        if session.following.has_open(name):
            return self._begin(ids, frame_id, name)

        def work() -> None:
            try:
                session.following.tracker(name)
            except Exception as exc:  # noqa: BLE001  the person is told, whatever it is
                text = f"Nothing is followed: {exc}"
                self._later(lambda: text)
            else:
                self._later(lambda: self._begin(ids, frame_id, name))

        threading.Thread(target=work, name="labkit-open", daemon=True).start()
        return f"Opening {name} ..."

    def _begin(self, ids: list[str], frame_id: str, name: str) -> str:
        if self._session.frame_id != frame_id:
            return f"{name} is open now; nothing is followed, since another frame is shown"
        for object_id in ids:
            self._session.follow(object_id, name)
        return f"{_objects(len(ids))} followed by {name}: go to the next frame"

    def said(self) -> str:
        """Why something was not carried by the last move, where that is news; '' otherwise."""
        last = self._session.following.last_move
        notes = {f.track_id: f"{f.label} #{f.track_id}: {f.note}" for f in last if f.note}
        news = [text for track, text in notes.items() if self._notes.get(track) != text]
        self._notes = notes
        return "Not followed: " + "; ".join(news) if news else ""


def _objects(n: int) -> str:
    return f"{n} objects" if n > 1 else "Object"
