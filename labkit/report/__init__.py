"""Pictures and pages about a project: drawings, contact sheets, plots and the HTML report."""

from labkit.report.drawing import draw_objects
from labkit.report.gallery import choose_frames, tiles_of
from labkit.report.page import render_report, write_report
from labkit.report.sheet import Tile, contact_sheet, thumbnail

__all__ = [
    "Tile",
    "choose_frames",
    "contact_sheet",
    "draw_objects",
    "render_report",
    "thumbnail",
    "tiles_of",
    "write_report",
]
