"""Tracking uses the fakes of this folder and the killable processes of the runs' tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "runs")]  # track_fakes.py, forks.py
