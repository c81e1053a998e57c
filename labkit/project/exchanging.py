"""Verbs that write or read other people's formats, and the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from labkit.store.project import ProjectStore

if TYPE_CHECKING:
    from labkit.exchange import ExportReport, ImportReport

__all__ = ["ExchangeVerbs"]


class ExchangeVerbs(ProjectStore):
    """Exports, imports and the report; a part of :class:`labkit.Project`."""

    def export(
        self,
        format: str,
        out: str | Path,
        *,
        include: str = "human",
        split: Mapping[str, float] | None = None,
        seed: int = 0,
        by: Literal["auto", "group", "frame"] = "auto",
        images: Literal["copy", "link", "none"] = "copy",
        run: str | Sequence[str] | None = None,
        reviewer: str | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        **format_options: Any,
    ) -> ExportReport:
        """Write the annotations as a dataset; by default only frames that a person has decided.

        Parameters
        ----------
        format : str
            ``'yolo'``, ``'coco'``, or the name of another format.
        out : str or Path
            A new folder, or an earlier export, which is replaced.
        include : {'human', 'scripted', 'all'}
            ``human``: the frames that a person has accepted. ``scripted``: those that a script has
            accepted, too. ``all``: the other frames, too, with the undecided proposals from their
            run's ``conf`` up. The provenance file marks both. Frames on the hand-label list are
            never exported.
        split : mapping, optional
            Split → share, adding up to 1: ``{'train': 0.8, 'val': 0.2}``.
        seed : int
            Of the split.
        by : {'auto', 'group', 'frame'}
            Whether a video or folder stays in one split; ``auto`` splits images one by one where
            there are fewer groups than splits.
        images : {'copy', 'link', 'none'}
            Copy the images, link to them, or write labels only.
        run : str or sequence of str, optional
            Whose undecided proposals ``include='all'`` exports; by default those of the newest run
            that detected on a frame. Decisions count whatever run they were made on.
        reviewer : str, optional
            Export what this person has decided, and nobody else.
        on_progress : callable, optional
            Called with the number of frames done and the number of all frames.
        **format_options
            The format's own options, such as ``task='segment'`` for YOLO.

        Returns
        -------
        ExportReport

        Raises
        ------
        InputError
            An argument is unknown, there is nothing to export, or ``out`` holds something else.
        StoreError
            ``out`` cannot be written; what was there is unchanged.

        Examples
        --------
        >>> with p.review(reviewer="ana") as s:
        ...     _ = s.accept_frame()
        >>> report = p.export("yolo", "out", split={"train": 1.0}, task="detect")
        >>> report.frames, report.splits
        (1, {'train': 1})
        """
        from labkit.exchange import export

        return export(
            self,
            format,
            Path(out),
            include=include,
            split=split,
            seed=seed,
            by=by,
            images=images,
            run=run,
            reviewer=reviewer,
            on_progress=on_progress,
            **format_options,
        )

    def import_annotations(
        self,
        format: str,
        path: str | Path,
        *,
        as_: Literal["proposals", "decisions"] = "proposals",
        reviewer: str | None = None,
        label_map: Mapping[str, str | None] | None = None,
        **format_options: Any,
    ) -> ImportReport:
        """Read a dataset's labels, as proposals or as decisions, for frames of the project.

        Images are found among the project's frames by the id that an export of labkit wrote, by
        their content, or by their name. Those not found are listed: add them first.

        Parameters
        ----------
        format : str
            ``'yolo'``, ``'coco'``, or the name of another format.
        path : str or Path
            The dataset: a folder, a ``data.yaml``, a JSON file.
        as_ : {'proposals', 'decisions'}
            ``proposals``: a run, to be reviewed. ``decisions``: each object is added and its frame
            accepted; frames that have decisions already are left alone.
        reviewer : str, optional
            Who answers for imported decisions. Without a name they are marked as scripted.
        label_map : mapping, optional
            Dataset label → project label, None to drop it. Labels that neither it nor the project
            names are dropped and counted. A project without labels takes the dataset's.
        **format_options
            The format's own options, such as ``names=['person', 'car']`` for YOLO.

        Returns
        -------
        ImportReport

        Raises
        ------
        InputError
            There is no such dataset, or nothing in it fits the project.
        StoreError
            The project cannot be written.

        Examples
        --------
        >>> with p.review(reviewer="ana") as s:
        ...     _ = s.accept_frame()
        >>> _ = p.export("coco", "out")
        >>> other = lk.Project.create("other", labels=p.labels)
        >>> _ = other.add_frames("images/")
        >>> report = other.import_annotations("coco", "out", as_="decisions", reviewer="ana")
        >>> report.frames
        1
        """
        from labkit.exchange import import_annotations

        return import_annotations(
            self,
            format,
            Path(path),
            as_=as_,
            reviewer=reviewer,
            label_map=label_map,
            **format_options,
        )

    def read_labels(
        self,
        format: str,
        path: str | Path,
        label_map: Mapping[str, str | None] | None = None,
        **format_options: Any,
    ) -> pd.DataFrame:
        """Read a dataset's labels for the project's frames without storing anything.

        Parameters
        ----------
        format, path, label_map, **format_options
            As in :meth:`import_annotations`. YOLO labels without a ``data.yaml`` need ``names``,
            the labels in the order of their numbers.

        Returns
        -------
        DataFrame
            ``PROPOSAL_COLUMNS``, score 1 where the dataset has none: ground truth for a
            :class:`labkit.ScriptedReviewer` or for your own evaluation.

        Examples
        --------
        >>> with p.review(reviewer="ana") as s:
        ...     _ = s.accept_frame()
        >>> report = p.export("coco", "out")
        >>> len(p.read_labels("coco", "out")) == report.objects
        True
        """
        from labkit.exchange import read_labels

        return read_labels(self, format, Path(path), label_map=label_map, **format_options)

    def report(
        self, path: str | Path = "report.html", *, title: str | None = None, frames: int = 24
    ) -> Path:
        """Write one self-contained HTML page: tables, plots and a contact sheet.

        Parameters
        ----------
        path : str or Path
            The file; in a folder that exists it is called ``report.html``.
        title : str, optional
            The project's name by default.
        frames : int
            Frames on the contact sheet, 0..500.

        Returns
        -------
        Path
            The file written.

        Raises
        ------
        InputError
            ``frames`` is out of range.
        StoreError
            The file cannot be written.

        Examples
        --------
        >>> p.report("report.html", frames=0).name
        'report.html'
        """
        from labkit.report import write_report

        return write_report(self, Path(path), title=title, frames=frames)
