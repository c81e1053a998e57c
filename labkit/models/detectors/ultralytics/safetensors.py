"""YOLO weights without a pickle: numbers as safetensors, the network as one of Ultralytics' own.

The file's metadata says by which of Ultralytics' plans (``yolo11``) the network is built, how wide
and deep, and its labels. It holds no plan of its own: those can name any function to call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit.core.errors import InputError, LabkitError, ModelUnavailableError
from labkit.models.ultralytics import ultralytics
from labkit.store.files import write_atomic

__all__ = ["build_yolo", "open_yolo", "save_yolo", "yolo_plan"]

_KEY = "labkit_yolo"


def yolo_plan(plan: str, width: float, depth: float, classes: int) -> dict[str, Any]:
    """One of Ultralytics' plans with a given width and depth.

    Parameters
    ----------
    plan : str
        Its name without size, as ``yolo11``.
    width, depth : float
        Share of the plan's channels and repeats, 0..1.5; ``yolo11n`` has 0.25 and 0.5.
    classes : int

    Raises
    ------
    InputError
        Ultralytics has no such plan, or a number is out of range.
    """
    import yaml

    match = re.fullmatch(r"yolo(v?)(\d+)", plan)
    path = Path(str(ultralytics().__file__)).parent / "cfg" / "models"
    path = path / (match[1] + match[2] if match else "") / f"{plan}.yaml"
    if match is None or not path.is_file():
        raise InputError(f"Ultralytics has no plan {plan!r}", "", "update ultralytics")
    if not (0 < width <= 1.5 and 0 < depth <= 1.5 and classes > 0):
        raise InputError(f"{plan} of width {width} and depth {depth} cannot be built")
    layers: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    layers.pop("scales", None)
    return layers | {"nc": classes, "width_multiple": width, "depth_multiple": depth}


def build_yolo(plan: str, width: float, depth: float, labels: Sequence[str], imgsz: int) -> Any:
    """An untrained detector.

    Parameters
    ----------
    plan, width, depth
        As for :func:`yolo_plan`.
    labels : sequence of str
        The classes in order.
    imgsz : int
        The input's side that the model is trained with, pixels.
    """
    if not 32 <= imgsz <= 4096:
        raise InputError(f"An input of {imgsz} pixels cannot be used", "", "32 to 4096 can")
    layers = yolo_plan(plan, width, depth, len(labels))
    model = ultralytics("nn.tasks").DetectionModel(layers, ch=3, nc=len(labels), verbose=False)
    model.names = dict(enumerate(labels))
    model.args = {"task": "detect", "imgsz": imgsz}
    model.task = "detect"
    return model


def save_yolo(path: Path, model: Any, plan: str, width: float, depth: float, imgsz: int) -> None:
    """Write a trained detector's weights in half precision.

    Parameters
    ----------
    path : Path
        ``.safetensors``.
    model : DetectionModel
        Built as :func:`build_yolo` does; layers not yet fused.
    plan, width, depth, imgsz
        As for :func:`build_yolo`.
    """
    from safetensors.torch import save

    facts = {"plan": plan, "width": width, "depth": depth, "imgsz": imgsz}
    facts["labels"] = [model.names[k] for k in sorted(model.names)]
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    data = save(state, metadata={_KEY: json.dumps(facts)})
    write_atomic(path, lambda file: file.write(data))


def open_yolo(path: Path) -> Any:
    """The detector in a file of :func:`save_yolo`, in float32, ready for inference.

    Raises
    ------
    ModelUnavailableError
        The file is broken, or holds weights of something else.
    """
    from safetensors import SafetensorError, safe_open

    what = f"{path.name!r} cannot be opened as a YOLO model"
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as exc:
        raise ModelUnavailableError(what, f"the file is broken ({exc})") from exc
    if _KEY not in metadata:
        raise ModelUnavailableError(what, "its metadata names no network", "use the .onnx export")
    try:
        facts = json.loads(metadata[_KEY])
        labels = [str(label) for label in facts["labels"]]
        model = build_yolo(
            str(facts["plan"]),
            float(facts["width"]),
            float(facts["depth"]),
            labels,
            int(facts["imgsz"]),
        )
        model.load_state_dict(state)
    except (LabkitError, KeyError, TypeError, ValueError, RuntimeError) as exc:
        why = str(exc).strip().splitlines()[0][:160] if str(exc).strip() else repr(exc)
        raise ModelUnavailableError(what, f"its metadata do not fit: {why}") from exc
    return model.float().eval()
