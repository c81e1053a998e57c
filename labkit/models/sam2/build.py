"""Build a SAM2 model from a YAML file and a checkpoint, and the predictors around it.

``sam2`` and ``torch`` are imported when a model is built; ``sam2`` is the extra of that name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import Argument, InputError, ModelUnavailableError
from labkit.core.extras import require
from labkit.models.weights import SUMS, listed_sums, sha256_of

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base
    from sam2.sam2_image_predictor import SAM2ImagePredictor
    from sam2.sam2_video_predictor import SAM2VideoPredictor

__all__ = ["best_device", "build", "image_predictor", "video_predictor"]

_REMEDY = "`make weights` trains them again, a checkout of the repository brings them back"
_FETCH = "fetch it again"
_BASE = "sam2.modeling.sam2_base.SAM2Base"
_VIDEO = "sam2.sam2_video_predictor.SAM2VideoPredictor"


def build(
    config: Path, weights: Path | None = None, device: str = "cpu", *, target: str = _BASE
) -> SAM2Base:
    """Model of a YAML file in the layout of ``sam2``'s own.

    Parameters
    ----------
    config : Path
        YAML with a ``model`` node for Hydra's ``instantiate``. It is read directly: no search
        path, no global state of Hydra is needed.
    weights : Path, optional
        safetensors in any float format, or ``sam2``'s own ``.pt``, which is read without running
        code from it; the model holds float32. Without, the weights are random. Where
        ``SHA256SUMS`` beside the file names it, its hash is checked.
    device : str
        A torch device.
    target : str
        Class to build, ``SAM2Base`` or one derived from it.

    Raises
    ------
    ModelUnavailableError
        A file is missing, changed, or belongs to another model.
    InputError
        ``sam2`` is not installed.
    """
    require("sam2", "sam2", "A SAM2 model")
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    try:
        settings = OmegaConf.load(config)
    except OSError as exc:
        raise ModelUnavailableError(
            f"The model file {config.name!r} cannot be read", exc.strerror or str(exc)
        ) from exc
    except Exception as exc:  # a YAML parser's many errors
        raise ModelUnavailableError(
            f"The model file {config.name!r} cannot be read", _first_line(exc)
        ) from exc
    if "model" not in settings:
        raise ModelUnavailableError(
            f"The model file {config.name!r} cannot be used", "it has no 'model' node"
        )
    settings.model["_target_"] = target
    model: Any = instantiate(settings.model, _recursive_=True)
    if weights is not None:
        _fill(model, weights, config)
    return model.to(device).eval()


def best_device(asked: str | None = None) -> str:
    """The torch device to compute on: the one that was asked for, or the best one available.

    Parameters
    ----------
    asked : str, optional
        ``cpu``, ``cuda``, ``cuda:1``, a card's number, ``mps``.

    Raises
    ------
    InputError
        It is not there.
    """
    import torch

    if asked is None:
        if torch.cuda.is_available():
            return "cuda:0"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    name = f"cuda:{asked}" if str(asked).isdecimal() else str(asked)
    try:
        device = torch.device(name)
    except RuntimeError as exc:
        raise _no_device(name, "torch knows no such device") from exc
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            why = f"torch sees {count} CUDA devices" if count else "torch sees no CUDA device"
            raise _no_device(name, why)
        return f"cuda:{device.index or 0}"
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise _no_device(name, "torch sees no Metal device")
    if device.type not in ("cpu", "mps"):
        raise _no_device(name, "SAM2 runs on cpu, cuda and mps")
    return name


def _no_device(name: str, why: str) -> InputError:
    return InputError(
        f"The device {name!r} cannot be used", why, "try " + Argument("device", "cpu")
    )


def image_predictor(
    config: Path, weights: Path | None = None, device: str = "cpu"
) -> SAM2ImagePredictor:
    """``SAM2ImagePredictor`` around :func:`build`'s model; the same parameters and errors."""
    model = build(config, weights, device)
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    predictor = SAM2ImagePredictor(model)
    # the package has the sizes for 1024-pixel inputs as constants
    predictor._bb_feat_sizes = [(model.image_size // stride,) * 2 for stride in (4, 8, 16)]
    return predictor


def video_predictor(
    config: Path, weights: Path | None = None, device: str = "cpu"
) -> SAM2VideoPredictor:
    """``SAM2VideoPredictor`` of the YAML; the same parameters and errors as :func:`build`."""
    return build(config, weights, device, target=_VIDEO)


def _fill(model: Any, weights: Path, config: Path) -> None:
    """Load weights as float32 after their hash has been checked."""
    _check(weights)
    state = _state(weights)
    try:
        model.load_state_dict({name: value.float() for name, value in state.items()})
    except (RuntimeError, AttributeError) as exc:
        raise ModelUnavailableError(
            f"The weights {weights.name!r} cannot be used",
            f"they are not of the model that {config.name!r} describes ({_misfit(model, state)})",
            "give the YAML that they were trained with",
        ) from exc


def _state(weights: Path) -> dict[str, Any]:
    """What a checkpoint holds: parameter → tensor."""
    if weights.suffix.lower() == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(weights)
        except (OSError, SafetensorError) as exc:
            raise _unusable(weights, exc, _REMEDY) from exc
    import torch

    try:
        held = torch.load(weights, map_location="cpu", weights_only=True)
        return dict(held.get("model", held))
    except Exception as exc:  # torch and pickle may raise anything on another file
        raise _unusable(weights, exc, _FETCH) from exc


def _unusable(weights: Path, exc: Exception, remedy: str) -> ModelUnavailableError:
    what = f"The weights {weights.name!r} cannot be used"
    return ModelUnavailableError(what, _first_line(exc), remedy)


def _first_line(exc: Exception) -> str:
    return next((x for x in str(exc).splitlines() if x.strip()), type(exc).__name__)[:200]


def _misfit(model: Any, state: dict[str, Any]) -> str:
    """What does not fit, by an example."""
    own = model.state_dict()
    missing, strange = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    other = [
        name
        for name in own.keys() & state.keys()
        if getattr(state[name], "shape", None) != own[name].shape
    ]
    parts = []
    for words, names in (("missing", missing), ("unknown", strange), ("of another size", other)):
        if names:
            parts.append(f"{len(names)} {words}, such as {min(names)}")
    return "; ".join(parts)


def _check(weights: Path) -> None:
    if not weights.is_file():
        raise ModelUnavailableError(
            f"The weights {weights.name!r} are not there", f"looked in {weights.parent}", _REMEDY
        )
    wanted = listed_sums(weights.parent)
    digest = sha256_of(weights)
    if wanted.get(weights.name, digest) != digest:
        raise ModelUnavailableError(
            f"The weights {weights.name!r} have been changed",
            f"SHA-256 {digest[:12]}… is not the {wanted[weights.name][:12]}… of {SUMS}",
            _REMEDY,
        )
