"""Objects to follow out of a JSON file."""

from __future__ import annotations

import json

import pytest

from labkit.core.errors import InputError, NotFoundError
from labkit.core.prompts import Prompts
from labkit.core.types import Shape
from labkit.tracking import read_objects

FRAMES = ["a", "b", "c"]


@pytest.fixture
def file(tmp_path):
    def write(items) -> str:
        path = tmp_path / "objects.json"
        path.write_text(items if isinstance(items, str) else json.dumps(items))
        return str(path)

    return write


def test_boxes_polygons_and_clicks_become_keyframes(file):
    box, ring, click = read_objects(
        file(
            [
                {"label": "dog", "box": [1, 2, 3, 4], "track": 5},
                {"label": "dog", "polygons": [[0, 0, 4, 0, 4, 4]], "frame": 2, "track": 5},
                {"label": "cat", "points": [[7, 8]]},
            ]
        ),
        FRAMES,
        at=1,
    )
    assert (box.frame_id, box.track_id, box.shape) == ("b", 5, Shape((1, 2, 3, 4)))
    assert (ring.frame_id, ring.track_id) == ("c", 5)
    assert ring.shape.polygons == ((0, 0, 4, 0, 4, 4),)
    assert (click.label, click.prompts, click.shape) == ("cat", Prompts.click(7, 8), None)
    assert click.track_id not in (box.track_id, 0)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ("{", "as JSON"),
        ([], "not a list of objects"),
        ([{"box": [0, 0, 1, 1]}], "Object 0 .* no label"),
        ([{"label": "a"}], "no box, polygons or points"),
        ([{"label": "a", "box": [0, 0, 1, 1], "frame": 3}], "no frame 3"),
        ([{"label": "a", "box": [0, 0, 1, 1]}, {"label": "a", "box": [3, 0, 1, 1]}], "Object 1 "),
        ([{"label": "a", "bbox": [0, 0, 1, 1]}], "bbox"),
        ([{"label": "a", "box": [0, 0, 1]}], "Object 0 "),
        ([7], "Object 0 "),
    ],
)
def test_what_cannot_be_used_is_named(file, items, words):
    with pytest.raises(InputError, match=words):
        read_objects(file(items), FRAMES)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFoundError):
        read_objects(tmp_path / "none.json", FRAMES)
