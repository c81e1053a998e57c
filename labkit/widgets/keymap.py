"""Keys and what they do: presets, a user's own changes, and the cheat sheet made from both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from labkit.core.errors import InputError
from labkit.core.registry import unknown
from labkit.widgets.messages import KeysOf

__all__ = ["ACTIONS", "PRESETS", "Keymap"]

ACTIONS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "Frame": {
            "accept_frame": "accept the frame",
            "reject_frame": "to hand-labelling",
            "skip": "leave for later",
            "previous": "frame before",
            "next": "next frame",
            "undo": "undo, over frames",
            "redo": "redo",
        },
        "Object": {
            "object_previous": "object before",
            "object_next": "next object",
            "select_all": "all objects",
            "accept": "accept object",
            "reject": "reject object",
            "edit": "edit by keys",
            "copy_next": "copy to next frame",
            "keep": "keep what is drawn",
            "back": "drop, deselect",
        },
        "Draw": {
            "new_box": "new box",
            "new_rotated": "new rotated box",
            "new_polygon": "new polygon",
            "new_keypoints": "new keypoints",
            "drag": "drag from the crosshair, let go",
            "leave_out": "leave a keypoint out",
            "take_back": "take back point, stroke",
            "brush": "paint a mask",
            "eraser": "erase from a mask",
            "fill": "fill a closed area",
            "larger": "larger brush",
            "smaller": "smaller brush",
            "segment": "segment by clicks",
            "track": "follow, or stop following",
        },
        "Label": {f"label_{k}": f"label {k}" for k in range(1, 11)},
        "Look": {
            "fit": "fit the frame",
            "actual": "1 : 1",
            "zoom_in": "zoom in",
            "zoom_out": "zoom out",
            "contrast": "more contrast",
            "threshold_up": "higher score",
            "threshold_down": "lower score",
            "sheet": "these keys",
        },
    }
)
"""Group → action → what the cheat sheet says."""

_NAMES: Final = tuple(name for group in ACTIONS.values() for name in group)
_DIGITS: Final = {f"label_{k}": (str(k % 10),) for k in range(1, 11)}
_DEFAULT: Final[Mapping[str, tuple[str, ...]]] = {
    "accept_frame": ("a",),
    "reject_frame": ("x",),
    "skip": ("l",),
    "previous": ("d",),
    "next": ("f",),
    "undo": ("z", "ctrl+z"),
    "redo": ("shift+z", "ctrl+shift+z"),
    "object_previous": ("arrowup",),
    "object_next": ("arrowdown",),
    "select_all": ("ctrl+a",),
    "accept": ("shift+a",),
    "reject": ("r", "delete"),
    "edit": ("e",),
    "copy_next": ("c",),
    "keep": ("enter",),
    "back": ("escape",),
    "new_box": ("n",),
    "new_rotated": ("shift+n",),
    "new_polygon": ("p",),
    "new_keypoints": ("k",),
    "drag": ("q",),
    "leave_out": ("o",),
    "take_back": ("backspace",),
    "brush": ("b",),
    "eraser": ("shift+b",),
    "fill": ("g",),
    "larger": (".",),
    "smaller": (",",),
    "segment": ("s",),
    "track": ("t",),
    **_DIGITS,
    "fit": ("v",),
    "actual": ("shift+v",),
    "zoom_in": ("+", "="),
    "zoom_out": ("-",),
    "contrast": ("h",),
    "threshold_up": ("]",),
    "threshold_down": ("[",),
    "sheet": ("?",),
}
# CVAT's own shortcuts where it has the action: docs.cvat.ai, 'Shortcuts'
_CVAT: Final[Mapping[str, tuple[str, ...]]] = {
    **_DEFAULT,
    "undo": ("ctrl+z",),
    "redo": ("ctrl+shift+z", "ctrl+y"),
    "reject": ("delete",),
    "copy_next": ("ctrl+b",),
    "brush": ("b",),
    **{name: (f"ctrl+{keys[0]}", *keys) for name, keys in _DIGITS.items()},
    "sheet": ("f1", "?"),
}

PRESETS: Final = MappingProxyType({"default": _DEFAULT, "cvat": _CVAT})
"""Named keymaps."""

_TAKEN: Final = {
    "tab": "Tab leaves the bench",
    "shift+tab": "Tab leaves the bench",
    "space": "Space pans and clicks",
    "shift+space": "Space pans and clicks",
}
_SIGNS: Final = {
    "arrowup": "↑",
    "arrowdown": "↓",
    "arrowleft": "←",
    "arrowright": "→",
    "escape": "Esc",
    "delete": "Del",
    "backspace": "\u232b",
    "enter": "Enter",
    "shift": "Shift",
    "ctrl": "Ctrl",
    "alt": "Alt",
}
_FIXED: Final = {
    "Draw": [
        ("Alt+click", "delete a vertex, erase, hide a point"),
        ("Shift+drag", "brush: fill an outline"),
        ("Arrows", "move a crosshair; in edit: the object"),
        ("Space", "click there (with Shift: as Alt+click); in edit: a crosshair for handles"),
        ("Alt+arrows", "in edit: resize"),
        ("Ctrl+\u2190 \u2192", "in edit: turn"),
        ("Shift+arrows", "all of these by 10"),
    ],
    "Look": [("Wheel", "zoom at the cursor"), ("Space+drag", "pan"), ("Tab", "leave the bench")],
    "Object": [("Shift+click", "select several")],
}


@dataclass(frozen=True)
class Keymap:
    """Which key does what.

    Attributes
    ----------
    keys : Mapping
        Action → its keys: a letter, ``arrowup``, ``escape`` ..., after ``ctrl+``, ``alt+`` and
        ``shift+`` in this order. The Meta key of a Mac counts as Ctrl.
    """

    keys: Mapping[str, tuple[str, ...]]

    @classmethod
    def make(
        cls,
        preset: str = "default",
        changes: Mapping[str, str | Sequence[str] | None] | None = None,
    ) -> Keymap:
        """A preset with changes: action → key, several keys, or None for no key.

        Raises
        ------
        InputError
            An unknown preset or action, a key for two actions, or one that is not available.
        """
        if preset not in PRESETS:
            raise unknown("keymap", preset, list(PRESETS))
        keys = dict(PRESETS[preset])
        for action, given in (changes or {}).items():
            if action not in _NAMES:
                raise unknown("action", action, list(_NAMES))
            listed = [] if given is None else [given] if isinstance(given, str) else list(given)
            keys[action] = tuple(_normal(key) for key in listed)
        out = cls(keys)
        out.by_key()
        return out

    def by_key(self) -> dict[str, str]:
        """Key → action; a key that two actions want is an error."""
        found: dict[str, str] = {}
        for action, keys in self.keys.items():
            for key in keys:
                if key in found:
                    raise InputError(
                        f"The key {key!r} cannot do two things", f"{found[key]} and {action}"
                    )
                found[key] = action
        return found

    def sheet(self, labels: Sequence[str] = ()) -> list[KeysOf]:
        """The cheat sheet: groups of (keys, what they do)."""
        groups: list[KeysOf] = []
        for title, actions in ACTIONS.items():
            rows = [
                (_signs(self.keys[name]), what)
                for name, what in self._named(title, actions, labels)
                if self.keys.get(name)
            ]
            groups.append(KeysOf(title=title, rows=rows + _FIXED.get(title, [])))
        return groups

    @staticmethod
    def _named(
        title: str, actions: Mapping[str, str], labels: Sequence[str]
    ) -> list[tuple[str, str]]:
        if title != "Label" or not labels:
            return list(actions.items())
        return list(zip(actions, labels, strict=False))


def _normal(key: str) -> str:
    *modifiers, last = key.lower().replace(" ", "").split("+") if key != "+" else ["+"]
    order = [m for m in ("ctrl", "alt", "shift") if m in modifiers]
    name = "+".join([*order, last])
    if not last or set(modifiers) - {"ctrl", "alt", "shift"}:
        raise InputError(f"{key!r} is not a key", "", "write it as 'a', 'shift+z' or 'ctrl+enter'")
    if name in _TAKEN:
        raise InputError(f"The key {key!r} cannot be changed", _TAKEN[name])
    return name


def _signs(keys: Sequence[str]) -> str:
    """The first key, and a second one where both are short."""
    first, *more = [_sign(key) for key in keys]
    return " ".join([first, *(k for k in more[:1] if len(first + k) < 8)])


def _sign(key: str) -> str:
    parts = ["+"] if key == "+" else key.split("+")
    return "+".join(_SIGNS.get(part, part.upper()) for part in parts)
