"""Exchange: annotations in somebody else's format, out and in."""

from __future__ import annotations

from labkit.exchange import coco as _coco
from labkit.exchange import yolo as _yolo
from labkit.exchange.base import FORMATS, Format, ImportedDataset
from labkit.exchange.reports import ExportReport, ImportReport
from labkit.exchange.splits import assign_splits
from labkit.exchange.verbs import export, import_annotations, read_labels

__all__ = [
    "FORMATS",
    "ExportReport",
    "Format",
    "ImportReport",
    "ImportedDataset",
    "assign_splits",
    "export",
    "import_annotations",
    "read_labels",
]

del _coco, _yolo  # imported for their registration alone
