"""Numbers that callers give, checked; the error names the argument."""

from __future__ import annotations

import math
import numbers

from labkit.core.errors import Argument, InputError

__all__ = ["count", "unit"]


def unit(name: str, value: object) -> float:
    """A finite number 0..1, or an error that names the argument."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InputError(Argument(name, value) + " is not a number")
    number = float(value)
    if not math.isfinite(number) or not 0 <= number <= 1:
        raise InputError(Argument(name, value) + " is not usable", "it has to be from 0 to 1")
    return number


def count(name: str, value: object) -> int:
    """A whole number from 1, or an error that names the argument."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or int(value) < 1:
        raise InputError(
            Argument(name, value) + " is not usable", "it has to be a whole number from 1"
        )
    return int(value)
