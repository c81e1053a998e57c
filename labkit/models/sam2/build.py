"""Build a SAM2 model from a YAML file and safetensors weights, and the predictors around it.

``sam2`` and ``torch`` are imported when a model is built; ``sam2`` is the extra of that name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import ModelUnavailableError
from labkit.core.extras import require
from labkit.models.weights import SUMS, listed_sums, sha256_of

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base
    from sam2.sam2_image_predictor import SAM2ImagePredictor
    from sam2.sam2_video_predictor import SAM2VideoPredictor

__all__ = ["build", "image_predictor", "video_predictor"]

_REMEDY = "`make weights` trains them again, a checkout of the repository brings them back"
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
        safetensors in any float format; the model computes in float32. Without, the weights are
        random. Where ``SHA256SUMS`` beside the file names it, its hash is checked.
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
    settings.model["_target_"] = target
    model: Any = instantiate(settings.model, _recursive_=True)
    if weights is not None:
        _fill(model, weights)
    return model.to(device).eval()


def image_predictor(
    config: Path, weights: Path | None = None, device: str = "cpu"
) -> SAM2ImagePredictor:
    """``SAM2ImagePredictor`` around :func:`build`'s model; the same parameters and errors."""
    model = build(config, weights, device)
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    predictor = SAM2ImagePredictor(model)
    # the package writes down the sizes of 1024-pixel inputs
    predictor._bb_feat_sizes = [(model.image_size // stride,) * 2 for stride in (4, 8, 16)]
    return predictor


def video_predictor(
    config: Path, weights: Path | None = None, device: str = "cpu"
) -> SAM2VideoPredictor:
    """``SAM2VideoPredictor`` of the YAML; the same parameters and errors as :func:`build`."""
    return build(config, weights, device, target=_VIDEO)


def _fill(model: Any, weights: Path) -> None:
    """Load weights as float32, after a look at their hash."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    _check(weights)
    try:
        state = {name: value.float() for name, value in load_file(weights).items()}
        model.load_state_dict(state)
    except (OSError, SafetensorError, RuntimeError) as exc:
        why = str(exc).splitlines()[0][:200]
        raise ModelUnavailableError(
            f"The weights {weights.name!r} cannot be used", why, _REMEDY
        ) from exc


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
