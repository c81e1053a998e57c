"""Label maps: what matches by itself, what needs a word, and what is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from labkit.core.errors import InputError, NotFoundError
from labkit.core.labelmap import identity, load, resolve, suggest

COCO = ["person", "bicycle", "car", "motorcycle", "airplane", "bus", "tv", "couch", "cell phone"]


@pytest.mark.parametrize(
    ("model", "project", "rule"),
    [
        ("person", "person", "exact"),
        ("person", "Person", "case"),
        ("traffic light", "Traffic_Light", "case"),
        ("traffic light", "traffic-light", "case"),
        ("cell phone", "CellPhone", "case"),
        ("car", "cars", "plural"),
        ("bus", "Buses", "plural"),
        ("knife", "knives", "plural"),
        ("berry", "berries", "plural"),
        ("person", "people", "plural"),
        ("person", "pedestrian", "synonym"),
        ("person", "Pedestrians", "synonym"),
        ("car", "automobile", "synonym"),
        ("bicycle", "bike", "synonym"),
        ("motorcycle", "motorbike", "synonym"),
        ("aeroplane", "airplane", "synonym"),
        ("tvmonitor", "tv", "synonym"),
        ("couch", "sofa", "synonym"),
        ("cell phone", "mobile phone", "synonym"),
        ("RBC", "red blood cells", "synonym"),
        ("car", "vehicle", "broader"),
        ("lorry", "Vehicles", "broader"),
        ("dog", "animal", "broader"),
        ("man", "pedestrian", "broader"),
        ("glass", "glas", "none"),
        ("mouse", "person", "none"),
    ],
)
def test_the_rule_that_matches(model: str, project: str, rule: str) -> None:
    (row,) = suggest([model], [project]).rows
    assert row.rule == rule
    assert row.label == (None if rule == "none" else project)


def test_the_best_rule_wins_over_the_order_of_labels() -> None:
    assert suggest(["car"], ["vehicle", "automobile", "car"])["car"] == "car"
    assert suggest(["car"], ["vehicle", "automobile"])["car"] == "automobile"


def test_many_to_one_by_the_users_word() -> None:
    given_map = {"car": "vehicle", "bus": "vehicle"}
    out = resolve(COCO, ["person", "vehicle"], given_map)
    assert out["car"] == out["bus"] == "vehicle"
    assert out["person"] == "person"
    assert out["airplane"] is None
    assert out.rules()["car"] == "user"


def test_a_wider_word_needs_the_users_word() -> None:
    out = resolve(COCO, ["person", "vehicle"])
    assert out["car"] is None
    assert suggest(COCO, ["person", "vehicle"])["car"] == "vehicle"


def test_none_drops_a_label_that_would_match() -> None:
    out = resolve(COCO, ["person", "car"], {"car": None})
    assert out["car"] is None
    assert out.rules()["car"] == "user"


def test_unknown_labels_name_the_nearest() -> None:
    with pytest.raises(NotFoundError, match=r"'vehicel'.*did you mean 'vehicle'"):
        resolve(COCO, ["vehicle"], {"car": "vehicel"})
    with pytest.raises(NotFoundError, match=r"'cra'.*did you mean 'car'"):
        resolve(COCO, ["vehicle"], {"cra": "vehicle"})


def test_nothing_matches_lists_both_sides() -> None:
    with pytest.raises(InputError, match=r"person, bicycle.*the project has galaxy, star") as info:
        resolve(COCO, ["galaxy", "star"])
    assert "label_map" in info.value.remedy


def test_a_project_without_labels_takes_the_models() -> None:
    assert resolve(COCO, []).as_dict() == {name: name for name in COCO}
    assert resolve(COCO, [], {"car": "auto", "bus": None})["car"] == "auto"


def test_saved_and_loaded(tmp_path) -> None:
    out = resolve(COCO, ["person", "vehicle"], {"car": "vehicle", "bus": None})
    path = tmp_path / "m.yaml"
    path.write_text(out.to_yaml("m"), "utf-8")
    saved = load(path)
    assert saved == {"person": "person", "car": "vehicle", "bus": None}
    again = resolve(COCO, ["person", "vehicle"], None, saved, "m.yaml")
    assert again.as_dict() == out.as_dict()
    # what nothing matched is open, and a label that the project gets later can still match
    assert resolve(COCO, ["person", "vehicle", "sofa"], None, saved)["couch"] == "sofa"


def test_a_saved_map_that_does_not_fit_names_its_file() -> None:
    with pytest.raises(InputError, match=r"'m\.yaml' does not fit.*vehicle"):
        resolve(COCO, ["person"], None, {"car": "vehicle"}, "m.yaml")


@pytest.mark.parametrize("text", ["- a\n- b\n", "map: 3\n", "{a: [1]}", "a: {b: c}\n", ": : :"])
def test_a_broken_file_is_one_line(tmp_path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"x\.yaml") as info:
        load(path)
    assert "\n" not in str(info.value)


def test_the_report_counts_what_was_dropped() -> None:
    rows = resolve(COCO, ["person"]).report({"car": 7})
    assert rows[0] == {"model_label": "person", "label": "person", "rule": "exact", "dropped": 0}
    assert {"model_label": "car", "label": None, "rule": "none", "dropped": 7} in rows


@given(st.lists(st.text(min_size=1), unique=True, max_size=8), st.lists(st.text(min_size=1)))
@example([" "], ["\x85"])
def test_any_names_in_any_script(model: list[str], project: list[str]) -> None:
    out = suggest(model, project)
    assert [row.model_label for row in out.rows] == model
    assert all(row.label is None or row.label in project for row in out.rows)
    assert all(out[name] == name for name in model if name in project)
    written = yaml.safe_load(out.to_yaml("m"))["map"]
    assert written == {r.model_label: r.label for r in out.rows if r.rule != "none"}
    assert identity(model).as_dict() == {name: name for name in model}
