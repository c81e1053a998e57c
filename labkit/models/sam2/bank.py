"""What SAM2 remembers about the objects of a video, in the form in which its model reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labkit.models.sam2.tensors import cat

if TYPE_CHECKING:
    from sam2.modeling.sam2_base import SAM2Base
    from torch import Tensor

__all__ = ["Followed", "Memory", "bank", "bytes_each", "reach"]


@dataclass(slots=True)
class Memory:
    """What the model reads again of one object on one frame; old frames keep only the pointer."""

    features: Tensor | None
    pointer: Tensor


@dataclass(slots=True)
class Followed:
    """One object and what is remembered of it.

    Attributes
    ----------
    track_id : int
    keys : dict
        Position of a keyframe → whether the object is in sight there.
    prompted, recent : dict
        Position → memory, of keyframes and of the last frames.
    last : (position, Tensor) or None
        Low-resolution logits of the latest frame, ``(1, 1, h, w)``.
    """

    track_id: int
    keys: dict[int, bool] = field(default_factory=dict)
    prompted: dict[int, Memory] = field(default_factory=dict)
    recent: dict[int, Memory] = field(default_factory=dict)
    last: tuple[int, Tensor] | None = None

    @property
    def layout(self) -> tuple[Any, ...]:
        """Objects of one layout go through the model together."""
        recent = sorted((t, m.features is None) for t, m in self.recent.items())
        return tuple(sorted(self.prompted)), tuple(recent)

    @property
    def nbytes(self) -> int:
        """Bytes of all its tensors."""
        tensors = [] if self.last is None else [self.last[1]]
        for memory in (*self.prompted.values(), *self.recent.values()):
            tensors += [t for t in (memory.features, memory.pointer) if t is not None]
        return sum(t.element_size() * t.numel() for t in tensors)

    def is_followed(self, position: int, backward: bool) -> bool:
        """Whether its latest keyframe lies behind the position and shows it."""
        if backward:
            latest = min((t for t in self.keys if t >= position), default=None)
        else:
            latest = max((t for t in self.keys if t <= position), default=None)
        return latest is not None and latest != position and self.keys[latest]

    def prune(self, position: int, reaches: tuple[int, int], *, backward: bool) -> None:
        """Drop what no later position reads."""
        memories, pointers = reaches
        if self.last is not None and self.last[0] != position:
            self.last = None
        for t in list(self.recent):
            age = t - position if backward else position - t
            if not 0 <= age < max(memories, pointers):
                del self.recent[t]
            elif age >= memories:
                self.recent[t].features = None


def reach(model: SAM2Base) -> tuple[int, int]:
    """How many frames back the model reads memories, and object pointers."""
    memories = max(0, model.num_maskmem - 1) * max(1, model.memory_temporal_stride_for_eval)
    pointers = model.max_obj_ptrs_in_encoder - 1 if model.use_obj_ptrs_in_encoder else 0
    return memories, pointers


def bytes_each(model: SAM2Base) -> int:
    """Bytes that one object takes once it has been followed for a while, from one keyframe."""
    memories, pointers = reach(model)
    side = model.image_size // model.backbone_stride
    features = 2 * model.mem_dim * side**2  # bfloat16
    logits = 4 * (model.image_size // 4) ** 2
    return int((1 + memories) * features + (1 + pointers) * 4 * model.hidden_dim + logits)


def bank(objects: Sequence[Followed], codes: Sequence[Tensor]) -> dict[str, Any]:
    """Memories of objects of one layout, joined as the model's ``output_dict``.

    Parameters
    ----------
    objects : sequence of Followed
    codes : sequence of Tensor
        The memories' position codes, which are the same for all.
    """
    return {
        "cond_frame_outputs": _joined([o.prompted for o in objects], codes),
        "non_cond_frame_outputs": _joined([o.recent for o in objects], codes),
    }


def _joined(
    stores: Sequence[dict[int, Memory]], codes: Sequence[Tensor]
) -> dict[int, dict[str, Any]]:
    wide = [c.expand(len(stores), -1, -1, -1) for c in codes]
    joined = {}
    for t in sorted(stores[0]):
        memories = [store[t] for store in stores]
        features = [m.features for m in memories if m.features is not None]
        joined[t] = {
            "maskmem_features": cat(features) if features else None,
            "maskmem_pos_enc": wide,
            "obj_ptr": cat([m.pointer for m in memories]),
        }
    return joined
