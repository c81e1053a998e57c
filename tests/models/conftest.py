"""Real Ultralytics models with random weights, built from the YAMLs that ultralytics ships."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def random_pt(cache: Path) -> Callable[[str], Path]:
    """``random_pt('yolo11n-seg')`` is a .pt file of that architecture."""

    def build(name: str) -> Path:
        path = cache / f"{name}.pt"
        if not path.exists():
            from labkit.models.yolo_import import ultralytics

            torch = pytest.importorskip("torch")
            yolo = ultralytics().YOLO
            torch.manual_seed(0)
            model = yolo(f"{name}.yaml")
            _spread(model.model)
            model.save(str(path))
        return path

    return build


def _spread(model) -> None:
    """Untrained heads score every class alike and near 0: make scores differ by place and class."""
    import torch

    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0  # statistics of one batch, so that features do not fade away
    with torch.no_grad():
        model.train()(torch.rand(2, 3, 160, 160))
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    model.eval()
    head = model.model[-1]
    for name in ("cv3", "one2one_cv3"):
        for branch in getattr(head, name, None) or ():
            last = branch[-1]
            torch.nn.init.normal_(last.weight, std=0.3)
            torch.nn.init.normal_(last.bias, mean=-5.0, std=0.5)
