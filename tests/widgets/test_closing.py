"""A closed bench leaves no widget that refers to a closed one: a page's reload would find none."""

import json
import re

import pytest
from ipywidgets.widgets import widget as registry

import labkit as lk
from labkit.demo import embedded_weights, write_stills


def dangling():
    """References of live widgets to models that are closed."""
    live = dict(registry._instances)
    states = (json.dumps(w.get_state(), default=str) for w in live.values())
    return [m for s in states for m in re.findall(r"IPY_MODEL_(\w+)", s) if m not in live]


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_closed_is_closed_to_the_bottom(tmp_path, monkeypatch, whole):
    monkeypatch.setenv("LABKIT_FRONT_END", "1")
    with lk.Project.create(tmp_path / "p") as p:
        p.add_frames(write_stills(tmp_path / "s", 3, seed=7))
        p.predict(embedded_weights(), progress=None)
        before = dangling()
        shown = lk.Bench(p) if whole else lk.Reviewer(p.review())
        assert dangling() == before
        shown.close()
        assert dangling() == before
