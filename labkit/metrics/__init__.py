"""Metrics of review: pure functions from DataFrames of decisions and proposals to DataFrames.

:func:`summary` computes all of them. Objects, verdicts and hand-labelled frames are defined in
:mod:`labkit.metrics.verdicts`.
"""

from labkit.metrics.agreement import (
    agreement,
    agreement_f1,
    cohen_kappa,
    krippendorff_alpha,
    verdict_matrix,
)
from labkit.metrics.book import frame_table, object_table
from labkit.metrics.cost import ClickCosts, ThresholdAdvice, advise_threshold
from labkit.metrics.drift import BernoulliCusum, Drift, edit_drift
from labkit.metrics.intervals import wilson
from labkit.metrics.rates import headline, rates
from labkit.metrics.roi import Roi, roi
from labkit.metrics.summary import overview, summary
from labkit.metrics.time import timing
from labkit.metrics.tracking import track_iou

__all__ = [
    "BernoulliCusum",
    "ClickCosts",
    "Drift",
    "Roi",
    "ThresholdAdvice",
    "advise_threshold",
    "agreement",
    "agreement_f1",
    "cohen_kappa",
    "edit_drift",
    "frame_table",
    "headline",
    "krippendorff_alpha",
    "object_table",
    "overview",
    "rates",
    "roi",
    "summary",
    "timing",
    "track_iou",
    "verdict_matrix",
    "wilson",
]
