"""The report: one self-contained HTML page about a project."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from labkit._version import __version__
from labkit.core.errors import InputError, store_error
from labkit.report.blocks import Section
from labkit.report.facts import Facts
from labkit.report.gallery import sheet_section
from labkit.report.measures import measure_sections, numbers
from labkit.report.overview import banners, closing_sections, lead, opening_sections
from labkit.store import ProjectStore
from labkit.store.files import write_atomic

__all__ = ["render_report", "write_report"]


def write_report(
    project: ProjectStore, path: str | Path, *, title: str | None = None, frames: int = 24
) -> Path:
    """Write the report about a project: tables, plots and a contact sheet on one HTML page.

    The page needs no other file: styles and pictures are inside, nothing is loaded, no script
    runs. Where data are missing (no decisions, one reviewer only ...) the page says so. A page of
    24 frames stays far below 10 MB.

    Parameters
    ----------
    project : ProjectStore
    path : str or Path
        The file to write, or a folder to write ``report.html`` into; replaced when it is there.
    title : str, optional
        The project's name by default.
    frames : int, default 24
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
        The project cannot be read or the file not be written.
    """
    target = Path(path).expanduser()
    if target.is_dir():
        target = target / "report.html"
    page = render_report(project, title=title, frames=frames).encode("utf-8", "replace")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise store_error(f"The report {target.name!r} cannot be written", exc) from exc
    write_atomic(target, lambda f: f.write(page))
    return target


def render_report(project: ProjectStore, *, title: str | None = None, frames: int = 24) -> str:
    """The page that :func:`write_report` writes, as a string."""
    if not 0 <= frames <= 500:
        raise InputError(f"A contact sheet of {frames} frames cannot be made", "0 to 500 can")
    facts = Facts.of(project)
    sections: Sequence[Section] = [
        *opening_sections(facts),
        *measure_sections(facts),
        sheet_section(facts, frames),
        *closing_sections(facts),
    ]
    environment = Environment(
        loader=PackageLoader("labkit.report", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    css = (files("labkit.report") / "template" / "report.css").read_text("utf-8")
    return environment.get_template("report.html.jinja").render(
        title=title or project.name,
        lead=lead(facts),
        banners=banners(facts),
        numbers=numbers(facts),
        sections=sections,
        css=environment.filters["safe"](css),
        version=__version__,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
