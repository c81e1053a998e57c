"""Frames in the order in which people should look, each with the rule and the reason."""

from labkit.queue.build import build_context
from labkit.queue.calibration import Calibration, calibrate
from labkit.queue.context import ScoreContext
from labkit.queue.order import QUOTAS, orders
from labkit.queue.ranking import QUEUE_COLUMNS, rank, rerank
from labkit.queue.scores import Score, register_score, score_table, scores

__all__ = [
    "QUEUE_COLUMNS",
    "QUOTAS",
    "Calibration",
    "Score",
    "ScoreContext",
    "build_context",
    "calibrate",
    "orders",
    "rank",
    "register_score",
    "rerank",
    "score_table",
    "scores",
]
