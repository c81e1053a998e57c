import pytest

from labkit.core.errors import InputError
from labkit.widgets.keymap import ACTIONS, PRESETS, Keymap


@pytest.mark.parametrize("preset", PRESETS)
def test_every_action_has_a_key_in_every_preset_and_no_key_has_two(preset):
    keymap = Keymap.make(preset)
    assert set(keymap.keys) == {name for group in ACTIONS.values() for name in group}
    assert all(keymap.keys.values())
    assert len(keymap.by_key()) == sum(map(len, keymap.keys.values()))


def test_the_issue_s_keys():
    keys = Keymap.make().by_key()
    wanted = {
        "a": "accept_frame", "e": "edit", "r": "reject", "x": "reject_frame", "d": "previous",
        "f": "next", "z": "undo", "shift+z": "redo", "n": "new_box", "s": "segment", "t": "track",
        "1": "label_1", "0": "label_10", "arrowup": "object_previous", "escape": "back",
        "?": "sheet",
    }  # fmt: skip
    assert {key: keys[key] for key in wanted} == wanted


def test_changes_replace_keys_and_the_sheet_says_so():
    keymap = Keymap.make(changes={"accept_frame": ["Ctrl+Enter", "y"], "track": None})
    keys = keymap.by_key()
    assert keys["ctrl+enter"] == keys["y"] == "accept_frame"
    assert "a" not in keys
    rows = dict(r[::-1] for group in keymap.sheet(["bolt"]) for r in group["rows"])
    assert rows["accept the frame"] == "Ctrl+Enter"
    assert rows["next object"] == "↓"
    assert rows["zoom in"] == "+ ="
    assert rows["bolt"] == "1"
    assert "track" not in rows


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("vim", {}),
        ("default", {"acept_frame": "q"}),
        ("default", {"accept_frame": "r"}),
        ("default", {"accept_frame": "Tab"}),
        ("default", {"accept_frame": "hyper+a"}),
    ],
)
def test_what_cannot_be_is_said(preset, changes):
    with pytest.raises(InputError):
        Keymap.make(preset, changes)
