"""The small models that come with labkit: where they are, and whether they are unchanged."""

from __future__ import annotations

from pathlib import Path

from labkit.core.errors import ModelUnavailableError
from labkit.models.weights import SUMS, listed_sums, sha256_of
from labkit.store.files import write_atomic

__all__ = [
    "SMALL_SAM2",
    "SMALL_YOLO",
    "SUMS",
    "WEIGHTS",
    "embedded_weights",
    "note_sum",
    "small_sam2",
]

WEIGHTS = Path(__file__).with_name("weights")
"""Folder of the weights, each with its model card."""

SMALL_YOLO = "yolo_nano.safetensors"
SMALL_SAM2 = "sam2_nano.safetensors"

_REMEDY = "make weights, in a clone of labkit, trains them again"


def embedded_weights(name: str = SMALL_YOLO) -> Path:
    """Path of embedded weights, after checking their hash.

    Parameters
    ----------
    name : str
        File name in ``WEIGHTS``.

    Raises
    ------
    ModelUnavailableError
        The file is missing, or not the one that was shipped.
    """
    path, what = WEIGHTS / name, f"The embedded weights {name!r} cannot be used"
    expected = listed_sums(WEIGHTS).get(name)
    try:
        actual = sha256_of(path) if path.is_file() else None
    except OSError as exc:
        raise ModelUnavailableError(what, f"{path} cannot be read ({exc})", _REMEDY) from exc
    if actual is None or expected is None:
        missing = path if actual is None else WEIGHTS / SUMS
        raise ModelUnavailableError(what, f"{missing} is missing or does not name them", _REMEDY)
    if actual != expected:
        raise ModelUnavailableError(
            what,
            f"{path} has been changed: its SHA-256 is {actual[:12]}, not {expected[:12]}",
            _REMEDY,
        )
    return path


def small_sam2() -> Path:
    """Path of the small SAM2's weights, its YAML beside them; opening them checks their hash.

    Raises
    ------
    ModelUnavailableError
        The file is missing.
    """
    path = WEIGHTS / SMALL_SAM2
    if not path.is_file():
        what = f"The embedded weights {SMALL_SAM2!r} cannot be used"
        raise ModelUnavailableError(what, f"{path} is missing", _REMEDY)
    return path


def note_sum(path: Path) -> None:
    """Note the SHA-256 of newly trained weights beside them."""
    sums = listed_sums(path.parent) | {path.name: sha256_of(path)}
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    write_atomic(path.parent / SUMS, lambda file: file.write(text.encode()))
