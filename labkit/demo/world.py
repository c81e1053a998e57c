"""The embedded world: parts on a conveyor belt, drawn from a seed, with the exact truth.

The same seed gives the same bytes on every machine: whole numbers and IEEE arithmetic only, see
:mod:`labkit.demo.relief` and :mod:`labkit.demo.chance`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from labkit.core.errors import InputError
from labkit.demo.chance import Dice
from labkit.demo.clips import Clip, plan_clip
from labkit.demo.domain import DAY, LABELS, NIGHT, Domain
from labkit.demo.items import Item, new_item
from labkit.demo.scene import MIN_VISIBLE, Scene, TrueObject, build_stage
from labkit.demo.shading import SUB, TURN, Pose

__all__ = [
    "DAY",
    "LABELS",
    "MIN_VISIBLE",
    "NIGHT",
    "Domain",
    "Scene",
    "TrueObject",
    "clip",
    "still",
]

_SIZES = (96, 1024)


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width, each 96..1024.

    Raises
    ------
    InputError
        A side is out of range: belts repeat after 1024 pixels, parts need some room.
    """
    height, width = (int(v) for v in size)
    if not all(_SIZES[0] <= v <= _SIZES[1] for v in (height, width)):
        raise InputError(
            f"A scene of {width} x {height} cannot be drawn", "each side must be 96 to 1024 pixels"
        )
    return height, width


def check_seed(seed: int) -> int:
    """A whole number from 0 to 2**63 - 1."""
    if not 0 <= int(seed) < 2**63:
        raise InputError(f"The seed {seed!r} cannot be used", "it must be 0 to 2**63 - 1")
    return int(seed)


def still(seed: int, domain: Domain = DAY, size: tuple[int, int] = (384, 512)) -> Scene:
    """One picture of the world.

    Parameters
    ----------
    seed : int
        0 to 2**63 - 1; each is another scene.
    domain : Domain
        ``DAY`` or ``NIGHT``, or one of your own.
    size : (int, int)
        Height and width, 96..1024 each; parts grow with the frame.

    Returns
    -------
    Scene
        With 3 to 10 objects at the sizes that the domains give.

    Raises
    ------
    InputError
        The seed or the size is out of range.
    """
    size, seed = check_size(size), check_seed(seed)
    stage = build_stage(seed, domain, size, moving=False)
    dice = Dice(domain.name, "parts", seed)
    usual = dice.uniform(0.85, 1.35) * stage.scale
    items = [
        new_item(dice, domain, dice.choice(LABELS), usual)
        for _ in range(dice.whole(*domain.objects))
    ]
    items += [new_item(dice, domain, None, usual) for _ in range(dice.whole(*domain.distractors))]
    placed: list[tuple[Item, Pose]] = []
    order = list(range(len(items)))
    for number, item in enumerate(items, start=1):
        item.track_id = number
        item.level = order.pop(dice.whole(0, len(order) - 1))
        placed.append((item, _place(dice, item, placed, size)))
    return stage.shoot(placed, 0, 0)


def _place(
    dice: Dice, item: Item, placed: Sequence[tuple[Item, Pose]], size: tuple[int, int]
) -> Pose:
    """A place mostly in the frame, mostly clear of the others."""
    height, width = size
    allowed = 0.5 if dice.chance(0.45) else 1.02
    inset = -0.2 if dice.chance(0.15) else 0.9  # some are cut by the frame
    edge = item.part.reach * inset
    best, best_gap = (width / 2, height / 2), -1.0
    for _ in range(16):
        x, y = dice.uniform(edge, width - edge), dice.uniform(edge, height - edge)
        gap = min(
            (
                float(np.hypot(x - p.x / SUB, y - p.y / SUB)) / (item.part.reach + o.part.reach)
                for o, p in placed
            ),
            default=9.0,
        )
        if gap > best_gap:
            best, best_gap = (x, y), gap
        if gap >= allowed:
            break
    turn = dice.whole(0, TURN - 1)
    return Pose(round(best[0] * SUB), round(best[1] * SUB), turn)


def clip(
    seed: int,
    domain: Domain = DAY,
    frames: int = 120,
    size: tuple[int, int] = (384, 512),
    *,
    leaves: int = 0,
    enters: int = 0,
    gantry: bool | None = None,
) -> Iterator[Scene]:
    """A video of the running belt, one frame at a time.

    Parts ride with the belt; some turn, drift, or are held back and slide under or over others.

    Parameters
    ----------
    seed, domain, size
        As for :func:`still`.
    frames : int
        How many, from 1.
    leaves, enters : int
        At least as many objects are wholly in sight in the first frame and gone in the last one,
        and the other way round. The belt runs faster where a short clip needs it.
    gantry : bool, optional
        Whether a bar hangs across the belt under which parts pass; by default, chance decides.

    Raises
    ------
    InputError
        An argument is out of range, or the clip is too short for its promises.
    """
    size, seed = check_size(size), check_seed(seed)
    if frames < 1:
        raise InputError("A clip needs at least one frame", f"frames is {frames}")
    plan = plan_clip(seed, domain, frames, size, leaves, enters, gantry)
    return _play(plan, frames)


def _play(plan: Clip, frames: int) -> Iterator[Scene]:
    for t in range(frames):
        yield plan.frame(t)
