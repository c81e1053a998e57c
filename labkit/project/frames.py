"""Verbs about what is in a project: its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from labkit.core.types import FrameFailure
from labkit.store.project import ProjectStore

__all__ = ["AddReport", "FrameVerbs"]


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of the files given to ``add_frames``.

    Attributes
    ----------
    added : int
        New frames.
    duplicates : int
        Frames that the project had already, or that were met twice.
    failures : tuple of FrameFailure
        Files that could not be used, each with its reason.
    frame_ids : tuple of str
        The new frames, in order.
    """

    added: int
    duplicates: int
    failures: tuple[FrameFailure, ...]
    frame_ids: tuple[str, ...]

    def __str__(self) -> str:
        text = f"{self.added} frames added"
        if self.duplicates:
            text += f", {self.duplicates} were there already"
        if self.failures:
            text += f", {len(self.failures)} could not be read"
        return text


class FrameVerbs(ProjectStore):
    """Adding frames; a part of :class:`labkit.Project`."""

    def add_frames(
        self,
        what: str | Path | Iterable[str | Path],
        *,
        recursive: bool = True,
        every: float = 1,
        start: float | None = None,
        stop: float | None = None,
        image_root: str | Path | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> AddReport:
        """Add images or videos; a file that cannot be read is listed and does not stop the rest.

        Parameters
        ----------
        what : path, glob or iterable of these
            A folder, a glob, an image, a video, a YOLO dataset (``data.yaml``), a COCO JSON file.
        recursive : bool
            Whether to look in the folder's subfolders, too.
        every : int or float
            Take every so many frames of each video (a whole number), or one frame every so many
            seconds (a number with a point).
        start, stop : int or float, optional
            The part of each video that is taken: frames or seconds, as ``every``.
        image_root : path, optional
            The folder of a COCO JSON file's images.
        on_progress : callable, optional
            Called with the number of files done and the number of all files.

        Returns
        -------
        AddReport

        Raises
        ------
        InputError
            There is no such file, or none in it that can be added.
        StoreError
            The project is read-only.

        Examples
        --------
        >>> new = lk.Project.create("new", labels=["nut", "bolt", "washer"])
        >>> print(new.add_frames("images/"))
        6 frames added
        >>> print(new.add_frames("images/*.jpg"))
        0 frames added, 6 were there already
        """
        from labkit.frames import scan

        self.check_writable("These frames cannot be added")
        found = scan(
            what,
            root=self.root,
            recursive=recursive,
            every=every,
            start=start,
            stop=stop,
            image_root=None if image_root is None else Path(image_root),
            on_progress=on_progress,
        )
        new = self.append_frames(found.frames)
        again = found.duplicates + len(found.frames) - len(new)
        return AddReport(len(new), again, tuple(found.failures), tuple(f.frame_id for f in new))
