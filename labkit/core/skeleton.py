"""Skeletons: the names of a label's keypoints, and which of them are joined by limbs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from labkit.core.errors import InputError
from labkit.core.registry import unknown

__all__ = ["COCO_PERSON", "NAMED", "Limbs", "Skeleton", "check_skeletons", "limbs_of"]

Limbs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What an object's keypoints are, in order.

    Attributes
    ----------
    names : tuple of str
        One name per keypoint, each once.
    limbs : tuple of (int, int)
        Pairs of keypoints that are joined, counted from 0 (COCO's files count from 1).

    Raises
    ------
    InputError
        A name is missing or there twice, or a limb joins a keypoint that is not there.
    """

    names: tuple[str, ...]
    limbs: Limbs = ()

    def __post_init__(self) -> None:
        names = tuple(str(name).strip() for name in self.names)
        if not names or not all(names) or len(set(names)) < len(names):
            raise InputError("A skeleton needs a name for each keypoint, each once", f"{names}")
        if any(ord(c) < 32 for name in names for c in name):
            raise InputError("A keypoint needs a name without control characters", f"{names}")
        try:
            limbs = tuple((int(a), int(b)) for a, b in self.limbs)
        except (TypeError, ValueError) as exc:
            raise InputError("A limb joins two keypoints by their numbers", str(exc)) from exc
        for a, b in limbs:
            if a == b or not (0 <= a < len(names) and 0 <= b < len(names)):
                raise InputError(
                    f"The limb {(a, b)} does not join two keypoints", f"they count from 0 to "
                    f"{len(names) - 1}",
                )  # fmt: skip
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "limbs", limbs)

    @classmethod
    def of(cls, given: Skeleton | str | Mapping[str, Any] | Iterable[str]) -> Skeleton:
        """A skeleton from what a person writes.

        Parameters
        ----------
        given : Skeleton, str, mapping or iterable of str
            Itself, a name of :data:`NAMED` (``'coco-person'``), ``{"names": ..., "limbs": ...}``,
            or only names.
        """
        if isinstance(given, Skeleton):
            return given
        if isinstance(given, str):
            if given not in NAMED:
                raise unknown("skeleton", given, list(NAMED))
            return NAMED[given]
        if isinstance(given, Mapping):
            if "names" not in given or set(given) - {"names", "limbs"}:
                raise InputError("A skeleton has names and limbs", f"it has {sorted(given)}")
            return cls(tuple(given["names"]), tuple(given.get("limbs", ())))
        return cls(tuple(given))

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dictionary that :meth:`of` takes back."""
        return {"names": list(self.names), "limbs": [list(limb) for limb in self.limbs]}


COCO_PERSON: Final = Skeleton(
    (
        *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder"),
        *("right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
        *("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
    ),
    (
        *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7)),
        *((6, 8), (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
    ),
)
"""COCO's person (cocodataset.org, category ``person``), as pose models of YOLO have it."""

NAMED: Final[Mapping[str, Skeleton]] = {"coco-person": COCO_PERSON}
"""Skeletons that can be called by name."""


def limbs_of(skeleton: Skeleton | None, count: int) -> Limbs:
    """The limbs of an object with so many keypoints.

    Those of its label's skeleton where that has as many; else COCO's person for 17, a line for 2.
    """
    if skeleton is not None and len(skeleton.names) == count:
        return skeleton.limbs
    return COCO_PERSON.limbs if count == 17 else ((0, 1),) if count == 2 else ()


def check_skeletons(given: Mapping[str, Any] | None, labels: Sequence[str]) -> dict[str, Skeleton]:
    """Skeletons by label.

    Raises
    ------
    InputError
        One is not usable, or the project does not have its label.
    """
    out = {}
    for label, skeleton in (given or {}).items():
        if label not in labels:
            raise unknown("label of this project", label, list(labels))
        out[label] = Skeleton.of(skeleton)
    return out
