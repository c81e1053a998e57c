"""The public project: a store with verbs, which stand in the modules beside this one."""

from __future__ import annotations

from labkit.project.exchanging import ExchangeVerbs
from labkit.project.frames import FrameVerbs
from labkit.project.models import ModelVerbs
from labkit.project.reviewing import ReviewVerbs
from labkit.project.tracks import TrackVerbs

__all__ = ["Project"]


class Project(FrameVerbs, ModelVerbs, TrackVerbs, ReviewVerbs, ExchangeVerbs):
    """A folder of frames, what models propose on them, and what people decide.

    Use :meth:`create` and :meth:`open`. The tables are :meth:`frames`, :meth:`proposals`,
    :meth:`decisions` and :meth:`annotations`, each a DataFrame.

    ==================  ==============================================================
    a question          its verbs
    ==================  ==============================================================
    what is in it       ``add_frames``, ``add_labels``, ``set_skeleton``
    what models say     ``predict``, ``refine``, ``interactor``
    over time           ``track``, ``retrack``, ``associate``, ``tracks``, ``discard``
    what people decide  ``queue``, ``rerank``, ``review``, ``hand_list``
    other formats       ``export``, ``import_annotations``, ``read_labels``, ``report``
    ==================  ==============================================================

    In the examples ``lk`` is the package ``labkit``, and ``p`` a project that has the six images of
    the folder ``images/`` and one finished run of ``yolo-nano``.

    Examples
    --------
    >>> mine = lk.Project.create("mine", labels=["nut", "bolt", "washer"])
    >>> print(mine.add_frames("images/"))
    6 frames added
    >>> mine.predict("yolo-nano", progress=None)
    'r0001-yolo_nano'
    """
