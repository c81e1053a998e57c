"""Exchange: annotations in somebody else's format, out and in.

A format is one class in one file; :mod:`labkit.exchange.format` says what it needs.
"""

from __future__ import annotations

from labkit.exchange import coco as _coco
from labkit.exchange import yolo as _yolo
from labkit.exchange.base import ExportImage, ImportedDataset, LabelledObject
from labkit.exchange.format import FORMATS, Format
from labkit.exchange.reader import DatasetReader
from labkit.exchange.reports import ExportReport, ImportReport
from labkit.exchange.splits import assign_splits
from labkit.exchange.verbs import export, import_annotations, read_dataset, read_labels
from labkit.exchange.writer import DatasetWriter

__all__ = [
    "FORMATS",
    "DatasetReader",
    "DatasetWriter",
    "ExportImage",
    "ExportReport",
    "Format",
    "ImportReport",
    "ImportedDataset",
    "LabelledObject",
    "assign_splits",
    "export",
    "import_annotations",
    "read_dataset",
    "read_labels",
]

del _coco, _yolo  # imported for their registration alone
