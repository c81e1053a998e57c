"""What stands in a notebook where no front end runs: a picture of the frame and a table."""

from __future__ import annotations

import base64
import html
import io
import os
import re

from PIL import Image

from labkit.core.errors import LabkitError
from labkit.frames import FrameReader
from labkit.report import draw_objects
from labkit.review import ReviewSession
from labkit.widgets.looks import LOOKS

__all__ = ["has_front_end", "static_html", "static_text"]

_WIDTH = 720
_ROWS = 30
_RUNNERS = re.compile(r"\b(papermill|nbconvert|nbclient|jupyter-execute|pytest)\b|labkit batch")


def has_front_end() -> bool:
    """Whether somebody can click: no where papermill, nbconvert or ``labkit batch`` runs the cells.

    ``LABKIT_FRONT_END=0`` or ``1`` decides it; else the program that started this kernel does.
    """
    said = os.environ.get("LABKIT_FRONT_END")
    if said in ("0", "1"):
        return said == "1"
    if os.environ.get("JPY_SESSION_NAME"):  # Jupyter's server sets it for every notebook
        return True
    import psutil

    try:
        return not _RUNNERS.search(" ".join(psutil.Process(os.getppid()).cmdline()))
    except psutil.Error:
        return True


def static_text(session: ReviewSession) -> str:
    """One line: who, where, how far."""
    done, total = session.progress()
    return (
        f"Review by {session.reviewer}: {done} of {total} frames decided, "
        f"frame {session.position + 1} is open"
    )


def static_html(session: ReviewSession) -> str:
    """The current frame as a picture and its objects as a table; all data escaped."""
    objects = session.objects()
    rows = "".join(
        f"<tr><td>{html.escape(o.label)}</td><td>{LOOKS[o.state].word}</td>"
        f"<td>{'' if o.score is None else format(o.score, '.2f')}</td>"
        f"<td>{', '.join(format(v, '.0f') for v in o.shape.box)}</td></tr>"
        for o in objects[:_ROWS]
    )
    more = f"<p>and {len(objects) - _ROWS} more</p>" if len(objects) > _ROWS else ""
    head = "<tr><th>label</th><th>state</th><th>score</th><th>box (x1, y1, x2, y2)</th></tr>"
    return (
        f'<div class="labkit-static"><p>{html.escape(static_text(session))}. '
        f"{html.escape(session.why)}</p>{_picture(session)}"
        f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>{more}</div>"
    )


def _picture(session: ReviewSession) -> str:
    frame = session.view.frame
    try:
        with FrameReader(session.project.root) as reader:
            image = Image.fromarray(reader.read(frame))
    except LabkitError as exc:
        return f"<p>{html.escape(str(exc))}</p>"
    image.thumbnail((_WIDTH, _WIDTH))
    drawn = draw_objects(
        image,
        session.objects(),
        frame_size=(frame.width, frame.height),
        skeletons=session.project.skeletons,
    )
    out = io.BytesIO()
    drawn.save(out, "JPEG", quality=85)
    data = base64.b64encode(out.getvalue()).decode("ascii")
    name = html.escape(f"Frame {session.position + 1} with its objects", quote=True)
    return f'<img alt="{name}" src="data:image/jpeg;base64,{data}">'
