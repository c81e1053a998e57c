"""A domain: where the camera hangs. Everything that may differ from scene to scene, as ranges."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.core.errors import InputError
from labkit.core.skeleton import Skeleton

__all__ = [
    "DAY",
    "DISTRACTORS",
    "DOMAINS",
    "LABELS",
    "NIGHT",
    "SKELETONS",
    "Domain",
    "domain_named",
]

LABELS = ("nut", "bolt", "washer")
"""What the world's detectors look for."""

SKELETONS = {"bolt": Skeleton(("head", "tip"), ((0, 1),))}
"""Keypoints that the truth has."""

DISTRACTORS = ("chip", "swarf", "coin", "o-ring", "pin")
"""What lies on the belt besides and is no object of the truth."""

Range = tuple[float, float]
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Domain:
    """The ranges that a scene's belt, light, lens and parts are drawn from.

    Lengths are pixels of a 512 by 384 frame and grow with the frame. A ``Range`` is low, high.

    Attributes
    ----------
    name : str
        Part of every seed: two domains never share a layout.
    belts : tuple of (str, colour)
        Material (see :mod:`labkit.demo.belts`) and mean RGB colour.
    belt_contrast : Range
        How strongly the material shows; 1 is plain.
    wear : Range
        Scratches and stains per frame.
    finishes : tuple of (str, float)
        Surface of the parts (see :mod:`labkit.demo.shading`) and its weight.
    light : Range
        Brightness of the lamp, 1 is neutral.
    light_colour : tuple of float
        Factors for red, green, blue.
    gradient, vignette : Range
        Fall-off across the frame, and towards its corners, 0..1.
    shadow : Range
        Depth of shadows, 0..1.
    shadow_length : Range
        Offset of shadows, pixels.
    gloss : Range
        Strength of highlights.
    blur : Range
        Sigma of the lens, pixels.
    motion_blur : Range
        Length of the exposure's smear along the belt, pixels.
    noise : Range
        Standard deviation of the sensor's noise, grey levels.
    gamma : Range
        Tone curve; above 1 darkens.
    objects, distractors : tuple of int
        Parts and other things in view.
    rails, gantry : float
        Probability of guide rails at the belt's sides, and of a bar across it.
    """

    name: str
    belts: tuple[tuple[str, Colour], ...]
    belt_contrast: Range
    wear: Range
    finishes: tuple[tuple[str, float], ...]
    light: Range
    light_colour: tuple[float, float, float]
    gradient: Range
    vignette: Range
    shadow: Range
    shadow_length: Range
    gloss: Range
    blur: Range
    motion_blur: Range
    noise: Range
    gamma: Range
    objects: tuple[int, int] = (4, 9)
    distractors: tuple[int, int] = (0, 3)
    rails: float = 0.35
    gantry: float = 0.1


DAY = Domain(
    name="day",
    belts=(
        ("weave", (172, 176, 172)),
        ("weave", (88, 132, 112)),
        ("rubber", (128, 130, 134)),
        ("rubber", (104, 110, 120)),
        ("links", (96, 134, 172)),
        ("links", (196, 196, 188)),
        ("worn", (150, 146, 136)),
        ("worn", (98, 122, 108)),
        ("ribs", (134, 140, 146)),
    ),
    belt_contrast=(0.6, 1.2),
    wear=(2, 7),
    finishes=(("steel", 3), ("zinc", 3), ("brass", 2), ("black", 1.5), ("yellow zinc", 1)),
    light=(0.92, 1.08),
    light_colour=(1.0, 1.0, 0.98),
    gradient=(0.05, 0.3),
    vignette=(0.0, 0.2),
    shadow=(0.3, 0.6),
    shadow_length=(2, 6),
    gloss=(0.25, 0.5),
    blur=(0.35, 0.95),
    motion_blur=(0, 1),
    noise=(1.5, 5),
    gamma=(0.9, 1.15),
)
"""Bright, even light over pale belts; a sharp lens."""

NIGHT = Domain(
    name="night",
    belts=(
        ("ribs", (62, 60, 62)),
        ("ribs", (78, 66, 56)),
        ("rubber", (50, 54, 60)),
        ("worn", (74, 70, 64)),
        ("links", (56, 66, 72)),
    ),
    belt_contrast=(0.8, 1.4),
    wear=(4, 10),
    finishes=(("steel", 3), ("zinc", 2), ("brass", 2), ("black", 2), ("yellow zinc", 1)),
    light=(0.95, 1.25),
    light_colour=(1.1, 0.97, 0.72),
    gradient=(0.4, 0.75),
    vignette=(0.25, 0.5),
    shadow=(0.5, 0.8),
    shadow_length=(6, 13),
    gloss=(0.3, 0.7),
    blur=(1.0, 2.1),
    motion_blur=(1, 5),
    noise=(7, 14),
    gamma=(1.0, 1.3),
    rails=0.25,
    gantry=0.15,
)
"""One warm lamp from the side over dark belts; a slow shutter, a noisy sensor."""

DOMAINS = {d.name: d for d in (DAY, NIGHT)}


def domain_named(name: str) -> Domain:
    """``'day'`` or ``'night'``.

    Raises
    ------
    InputError
        No domain has that name.
    """
    if name not in DOMAINS:
        raise InputError(f"There is no domain {name!r}", "", f"known: {', '.join(DOMAINS)}")
    return DOMAINS[name]
