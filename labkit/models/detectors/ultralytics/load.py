"""Opening Ultralytics weights: task, labels, input size, and errors in one line."""

from __future__ import annotations

import threading
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from labkit.core.errors import Argument, InputError, LabkitError, ModelUnavailableError
from labkit.models.budget import empty_device_cache, holds_models
from labkit.models.detectors.base import DetectOptions, ModelInfo
from labkit.models.detectors.classes import class_names
from labkit.models.detectors.ultralytics.detector import YoloDetector
from labkit.models.detectors.ultralytics.onnx import ParallelSession, open_parallel
from labkit.models.detectors.ultralytics.safetensors import open_yolo
from labkit.models.ultralytics import ultralytics
from labkit.models.weights import Weights

__all__ = ["load", "names", "release"]

_TASKS = ("detect", "segment", "pose", "obb")
_TORCH = ("pt", "safetensors")
_PACKAGES = {"onnx": "onnxruntime", "openvino": "openvino", "engine": "tensorrt"}

_cache: dict[tuple[str, str | None], tuple[str, Any, ParallelSession | None]] = {}
_cache_lock = threading.Lock()


def load(weights: Weights, options: DetectOptions | None = None) -> YoloDetector:
    """Open Ultralytics weights.

    Parameters
    ----------
    weights : Weights
        From :func:`labkit.models.weights.resolve`.
    options : DetectOptions

    Raises
    ------
    ModelUnavailableError
        Not a model, or one of another task (exit code 3).
    InputError
        A device, image size or class that this model does not have.
    """
    options = options or DetectOptions()
    predictor, parallel = _predictor(weights, options)
    model = predictor.model
    task, labels, ends, dual = _read(model, weights)
    _set_size(predictor, weights, options)
    on_cpu = getattr(predictor.device, "type", "cpu") == "cpu"
    info = ModelInfo(
        name=weights.name,
        task=task,
        labels=labels,
        weights_sha256=weights.sha256,
        licence=str(model.metadata.get("license", "")),
        versions=_versions(weights.format),
        class_scores="overlap" if ends else "one-to-many" if dual else "full",
        params={
            "imgsz": list(predictor.imgsz),
            "max_det": options.max_det,
            "device": str(predictor.device),
        },
        batch=parallel.width if parallel is not None else 1 if on_cpu else 16,
    )
    if options.classes is not None:
        options = replace(options, classes=class_names(options.classes, labels))
    return YoloDetector(info, options, predictor, parallel)


def names() -> list[str]:
    """What is open; any thread."""
    with _cache_lock:
        return [name for name, *_ in _cache.values()]


def release() -> None:
    """Forget the loaded weights and give cached device memory back; the inference thread."""
    with _cache_lock:
        _cache.clear()
    empty_device_cache()


def _predictor(weights: Weights, options: DetectOptions) -> tuple[Any, ParallelSession | None]:
    detect = ultralytics("models.yolo.detect")
    overrides = {
        "mode": "predict",
        "task": "detect",
        "rect": True,
        "save": False,
        "verbose": False,
        "device": options.device,
    }
    key = (weights.sha256, options.device)
    try:
        predictor = detect.DetectionPredictor(overrides=overrides)
        with _cache_lock:
            _, model, parallel = _cache.get(key, ("", None, None))
        if model is None:
            kind, path = weights.format, weights.path
            opened = open_yolo(path) if kind == "safetensors" else str(path)
            predictor.setup_model(opened, verbose=False)
            parallel = open_parallel(weights.path, predictor.model.backend)
            with _cache_lock:
                _cache.clear()  # one model at a time: weights may fill a card
                _cache[key] = (f"{weights.name} on {predictor.device}", predictor.model, parallel)
        else:
            predictor.model, predictor.device = model, model.device
    except (LabkitError, KeyboardInterrupt):
        raise
    except Exception as exc:  # any loader may raise anything on a file it cannot read
        raise _load_error(weights, options, exc) from exc
    holds_models(names, release)
    # NMS uses torchvision's kernel, which is faster, if torchvision has been imported
    import torchvision  # noqa: F401

    return predictor, parallel


def _load_error(weights: Weights, options: DetectOptions, exc: Exception) -> LabkitError:
    if isinstance(exc, ValueError) and "device" in str(exc).lower() and options.device is not None:
        return InputError(
            f"The device {options.device!r} cannot be used",
            "it is not there",
            "try " + Argument("device", "cpu"),
        )
    package = _PACKAGES.get(weights.format)
    if isinstance(exc, ImportError) and package:
        return ModelUnavailableError(
            f"{weights.path.name!r} cannot be opened",
            f"{weights.format} weights need the package {package!r}",
            f"pip install {package}",
        )
    why = next((line.strip() for line in str(exc).splitlines() if line.strip()), type(exc).__name__)
    return ModelUnavailableError(
        f"{weights.path.name!r} cannot be opened as a YOLO model",
        why[:200],
        "give weights that Ultralytics made or exported",
    )


def _read(model: Any, weights: Weights) -> tuple[str, tuple[str, ...], bool, bool]:
    """Task, labels, whether its outputs are end to end, whether it has a branch beside such."""
    inner = getattr(model.backend, "model", None) if weights.format in _TORCH else None
    task = getattr(inner, "task", None) or getattr(model, "task", None) or "detect"
    layers = getattr(inner, "model", None)
    head = layers[-1] if layers is not None else None
    if task not in _TASKS or type(head).__name__ == "RTDETRDecoder":
        kind = "RT-DETR" if task in _TASKS else task
        raise ModelUnavailableError(
            f"{weights.path.name!r} is a model for another task",
            f"its task is {kind}",
            f"labkit reads {', '.join(_TASKS)}",
        )
    names = model.names
    if not model.metadata and weights.format not in _TORCH and len(names) == 999:
        names = _count_classes(model, weights)
    labels = tuple(str(names[k]).strip() or f"class{k}" for k in sorted(names))
    dual = head is not None and any(name.startswith("one2one") for name in head._modules)
    return task, labels, bool(getattr(model, "end2end", False)), dual


def _count_classes(model: Any, weights: Weights) -> dict[int, str]:
    """Count the classes of an export without metadata: as many as its output has rows."""
    import torch

    try:
        with torch.inference_mode():
            output = model(torch.zeros(1, 3, *_input_size(model)))
        rows = int(output.shape[1]) - 4
        if output.ndim != 3 or not 0 < rows < output.shape[2]:
            raise ValueError(f"its output is {tuple(output.shape)}")
    except (AttributeError, RuntimeError, TypeError, ValueError) as exc:
        raise ModelUnavailableError(
            f"{weights.path.name!r} is not a YOLO detector",
            str(exc).split("\n", 1)[0][:200],
            "export it with Ultralytics, which writes its task and labels into the file",
        ) from exc
    return {k: f"class{k}" for k in range(rows)}


def _input_size(model: Any) -> tuple[int, int]:
    session = getattr(model.backend, "session", None)
    shape = session.get_inputs()[0].shape if session is not None else ()
    fixed = tuple(v for v in shape[2:] if isinstance(v, int))
    return (fixed[0], fixed[1]) if len(fixed) == 2 else (640, 640)


def _set_size(predictor: Any, weights: Weights, options: DetectOptions) -> None:
    model, asked = predictor.model, options.imgsz
    trained = getattr(getattr(model.backend, "model", None), "args", None)
    default = trained.get("imgsz") if isinstance(trained, dict) else getattr(trained, "imgsz", None)
    size: Any = asked if asked is not None else (default or 640)
    fixed = (
        None if weights.format in _TORCH or getattr(model, "dynamic", False) else _fixed_size(model)
    )
    if fixed is not None:
        wanted = (
            None if asked is None else [asked, asked] if isinstance(asked, int) else list(asked)
        )
        if wanted is not None and wanted != fixed:
            raise InputError(
                Argument("imgsz", asked) + f" cannot be used with {weights.path.name!r}",
                f"it was exported for {fixed[0]} x {fixed[1]}",
                "leave out "
                + Argument("imgsz")
                + ", or export the weights again with dynamic=True",
            )
        size = fixed
    size = list(size) if isinstance(size, (tuple, list)) else size
    predictor.imgsz = ultralytics("utils.checks").check_imgsz(size, stride=model.stride, min_dim=2)


def _fixed_size(model: Any) -> list[int]:
    exported = getattr(model, "imgsz", None) if model.metadata else None
    return [int(v) for v in exported] if exported is not None else list(_input_size(model))


def _versions(kind: str) -> dict[str, str]:
    wanted = {"ultralytics": ("ultralytics-opencv-headless", "ultralytics"), "torch": ("torch",)}
    if kind in _PACKAGES:
        wanted[_PACKAGES[kind]] = (_PACKAGES[kind], f"{_PACKAGES[kind]}-gpu")
    versions: dict[str, str] = {}
    for name, distributions in wanted.items():
        for distribution in distributions:
            try:
                versions.setdefault(name, version(distribution))
            except PackageNotFoundError:
                continue
    return versions
