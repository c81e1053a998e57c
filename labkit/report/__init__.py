"""Pictures and pages about a project: drawings, contact sheets, plots and the HTML report."""

from labkit.report.drawing import draw_objects
from labkit.report.gallery import choose_frames, tiles_of
from labkit.report.page import render_report, write_report
from labkit.report.prompting import draw_answer, draw_prompts
from labkit.report.sheet import Tile, contact_sheet, thumbnail
from labkit.report.tracks import flagged_frames, track_sheet

__all__ = [
    "Tile",
    "choose_frames",
    "contact_sheet",
    "draw_answer",
    "draw_objects",
    "draw_prompts",
    "flagged_frames",
    "render_report",
    "thumbnail",
    "tiles_of",
    "track_sheet",
    "write_report",
]
