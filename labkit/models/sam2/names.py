"""Names of SAM2 models: which YAML and weights they mean, and fetching them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from labkit.core.config import cache_dir, offline
from labkit.core.errors import InputError, ModelUnavailableError
from labkit.core.registry import Registry, nearest
from labkit.models.weights import SUMS, listed_sums, sha256_of

__all__ = ["ALIASES", "FILES", "MODELS", "Sam2Files", "find", "is_sam2", "known"]

SUFFIXES = (".pt", ".safetensors")

FILES = "SAM2's .pt and .safetensors files with their YAML beside them"
"""What is said to people about files."""

MODELS: Registry[Callable[[], Path]] = Registry("SAM2 model", "sam2")
"""Name → function that gives the path of its weights; a YAML of the same stem lies beside them."""

_SIZES = {"tiny": "t", "small": "s", "base-plus": "b+", "large": "l"}

ALIASES = {"sam2": "facebook/sam2.1-hiera-tiny"}
"""Short names of models of Hugging Face's hub."""

_HUB = {
    f"facebook/{family}-hiera-{size}": (family, letter)
    for family in ("sam2.1", "sam2")
    for size, letter in _SIZES.items()
}
_FILE = re.compile(r"(sam2(?:\.1)?)_hiera_(tiny|small|base_plus|large|t|s|b\+|l)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sam2Files:
    """The files of one SAM2 model.

    Attributes
    ----------
    name : str
        What it is called in a run's manifest: the model's name, or the weights' stem.
    config, weights : Path
        ``sam2``'s YAML, and ``.safetensors`` or ``.pt``.
    sha256 : str
        Of the weights.
    licence : str
        Of the weights; empty if it is not known.
    """

    name: str
    config: Path
    weights: Path
    sha256: str
    licence: str = ""


def known() -> list[str]:
    """Every name that :func:`find` takes, paths aside."""
    return [*MODELS.names(), *ALIASES, *_HUB]


def is_sam2(name: str | Path) -> bool:
    """Whether a name or path is that of a SAM2 model, available or not."""
    text = str(name)
    if text in ALIASES or text in _HUB:
        return True
    if text in MODELS:
        return True
    path = Path(text).expanduser()
    return path.suffix.lower() in SUFFIXES and (
        path.with_suffix(".yaml").is_file() or _FILE.match(path.stem) is not None
    )


def find(name: str | Path) -> Sam2Files:
    """The files of a SAM2 model.

    Parameters
    ----------
    name : str or Path
        A name of :func:`known`, or a checkpoint (``.pt``, ``.safetensors``) with its YAML beside
        it, of the same stem, or a file name that says which model it is
        (``sam2.1_hiera_tiny.pt``).

    Raises
    ------
    ModelUnavailableError
        The model is not there and cannot be fetched; the message says how to get it by hand.
    InputError
        ``sam2`` is not installed.
    """
    text = ALIASES.get(str(name), str(name))
    if not text.strip() or "\0" in text:
        raise InputError("No SAM2 model was named", remedy="give a name such as 'sam2'")
    if text in MODELS:
        weights = MODELS[text]()
        return _files(text, weights.with_suffix(".yaml"), weights, "Apache-2.0")
    if text in _HUB:
        family, letter = _HUB[text]
        return _files(text, _config(family, letter), _fetched(text), "Apache-2.0")
    return _local(Path(text).expanduser(), text)


def _local(path: Path, text: str) -> Sam2Files:
    what = f"The SAM2 model {text!r} is not there"
    if path.suffix.lower() not in SUFFIXES:
        near = nearest(text, known())
        raise ModelUnavailableError(
            what,
            f"known are {', '.join(known())} and files that end with {' or '.join(SUFFIXES)}",
            f"did you mean {near!r}?" if near else "",
        )
    if not path.is_file():
        raise ModelUnavailableError(what, "no such file")
    beside = path.with_suffix(".yaml")
    if beside.is_file():
        return _files(path.stem, beside, path)
    said = _FILE.match(path.stem)
    if said is None:
        raise ModelUnavailableError(
            f"The SAM2 checkpoint {path.name!r} cannot be opened",
            "neither a YAML beside it nor its name says which model it is of",
            f"put its {beside.name} beside it, or name it as sam2 does (sam2.1_hiera_tiny.pt)",
        )
    size = said[2].lower().replace("_", "-")
    return _files(path.stem, _config(said[1].lower(), _SIZES.get(size, size)), path)


def _config(family: str, letter: str) -> Path:
    """A YAML that ``sam2`` ships, without importing it (which would start Hydra)."""
    spec = find_spec("sam2")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "A SAM2 model needs the package 'sam2'",
            "it is not installed",
            "pip install 'labkit[sam2]'",
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    return folder / "configs" / family / f"{family}_hiera_{letter}.yaml"


def _files(name: str, config: Path, weights: Path, licence: str = "") -> Sam2Files:
    if not config.is_file():
        raise ModelUnavailableError(
            f"The SAM2 model {name!r} cannot be opened", f"{config} is missing"
        )
    try:
        digest = sha256_of(weights)
    except OSError as exc:
        raise ModelUnavailableError(
            f"The weights {weights.name!r} cannot be read", exc.strerror or str(exc)
        ) from exc
    wanted = listed_sums(weights.parent).get(weights.name, digest)
    if wanted != digest:
        raise ModelUnavailableError(
            f"The weights {weights.name!r} have been changed",
            f"SHA-256 {digest[:12]}… is not the {wanted[:12]}… of {SUMS}",
            "fetch them again, or `make weights` where labkit ships them",
        )
    return Sam2Files(name, config, weights, digest, licence)


# ---- Hugging Face's hub


def _fetched(model: str) -> Path:
    """A model's checkpoint: the cached one, or else downloaded."""
    file = model.split("/")[1].replace("-", "_") + ".pt"
    own = cache_dir() / file
    if own.is_file():
        return own
    url = f"https://huggingface.co/{model}/resolve/main/{file}"
    what, remedy = f"The SAM2 model {model!r} is not there", f"curl -L --create-dirs -o {own} {url}"
    try:
        # not a dependency; if it is installed, its cache is shared
        fetch = import_module("huggingface_hub").hf_hub_download
    except ImportError:
        fetch = None
    if fetch is not None:
        with contextlib.suppress(Exception):  # not in that cache, for whatever reason
            return Path(fetch(model, file, local_files_only=True))
    if offline():
        raise ModelUnavailableError(what, "LABKIT_OFFLINE forbids downloads", remedy)
    try:
        return _download(url, own) if fetch is None else Path(fetch(model, file))
    except Exception as exc:  # whatever it raises, the weights are not here
        why = " ".join(str(exc).split())[:160]
        raise ModelUnavailableError(
            what, f"the download failed ({type(exc).__name__}: {why})", remedy
        ) from exc


def _download(url: str, target: Path) -> Path:
    from torch.hub import download_url_to_file

    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        download_url_to_file(url, str(part), progress=False)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target
