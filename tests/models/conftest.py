"""Real Ultralytics models with random weights, built from the YAMLs that ultralytics ships."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Models of tests are small: with more threads they wait for each other, on a busy machine."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def random_pt(cache: Path) -> Callable[[str], Path]:
    """``random_pt('yolo11n-seg')`` is a .pt file of that architecture."""

    def build(name: str) -> Path:
        path = cache / f"{name}.pt"
        if not path.exists():
            from labkit.models.ultralytics import ultralytics

            torch = pytest.importorskip("torch")
            yolo = ultralytics().YOLO
            torch.manual_seed(0)
            model = yolo(f"{name}.yaml")
            _spread(model.model)
            model.model.names = {k: f"thing {k}" for k in range(len(model.names))}
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
    small = torch.rand(4, 3, 9, 13)
    images = torch.nn.functional.interpolate(small, (160, 160), mode="bicubic").clamp(0, 1)
    with torch.no_grad():
        model.train()(images)
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    model.eval()
    head = model.model[-1]
    # logits of classes around -3, distances of box edges around 2 cells
    for name, mean, std in (("cv3", -3.0, 1.5), ("cv2", 2.0, 0.3)):
        for branches in (getattr(head, name, None), getattr(head, f"one2one_{name}", None)):
            for branch in branches or ():
                _scale(model, branch[-1], images, mean, std)


def _scale(model, layer, images, mean: float, std: float) -> None:
    """Make a layer's outputs have this mean and standard deviation."""
    import torch

    torch.nn.init.normal_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    seen = []
    hook = layer.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.no_grad():
        model(images)
        hook.remove()
        layer.weight /= seen[0].std() / std
        layer.bias += mean - seen[0].mean() * std / seen[0].std()


@pytest.fixture(scope="session")
def random_sam2(cache: Path) -> Path:
    """A checkpoint of the small SAM2's shapes with random weights, its YAML beside it."""
    pytest.importorskip("sam2")
    import torch
    from safetensors.torch import save_file

    from labkit.demo.embedded import WEIGHTS
    from labkit.models.sam2.build import build

    config, path = WEIGHTS / "sam2_nano.yaml", cache / "random_sam2.safetensors"
    torch.set_num_threads(1)
    torch.manual_seed(0)
    save_file(build(config).state_dict(), path)
    path.with_suffix(".yaml").write_bytes(config.read_bytes())
    return path


class Drawn:
    """Frames of the drawn world, as a source of images."""

    key = ""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.images: dict[str, object] = {}

    def frame(self, seed: int, size: tuple[int, int] = (96, 128)):
        from labkit.core.types import Frame
        from labkit.demo import DAY, still

        scene = still(seed, DAY, size)
        name = f"{seed:016x}"
        self.images[name] = scene.image
        made = Frame(name, name, f"{seed}.png", 0, size[1], size[0], None, f"{seed}-{size}", "g")
        return made, scene

    def read(self, frame):
        self.reads.append(frame.frame_id)
        return self.images[frame.frame_id]


@pytest.fixture
def drawn() -> Drawn:
    from labkit.models.embeddings import embeddings

    embeddings().drop()
    return Drawn()
