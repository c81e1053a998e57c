"""Panels driven by their widgets on real projects of the drawn world; no browser."""

import html
import shutil
import time

import ipywidgets
import pytest
from PIL import Image

import labkit as lk
from labkit.demo import embedded_weights, write_stills
from labkit.runs.jobs import Job
from labkit.widgets.glass import Glass
from labkit.widgets.markup import columns_text, table

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with scenes and a project that has a run; tests must not change it."""
    folder = tmp_path_factory.mktemp("drawn")
    with lk.Project.create(folder / "project") as p:
        p.add_frames(write_stills(folder / "scenes", 8, seed=7))
        p.predict(embedded_weights(), conf=0.5, progress=None)
    return folder


@pytest.fixture
def project(made, tmp_path):
    with lk.Project.open(shutil.copytree(made / "project", tmp_path / "p")) as p:
        yield p


@pytest.fixture
def empty(tmp_path):
    with lk.Project.create(tmp_path / "empty", labels=["bolt", "vehicle"]) as p:
        yield p


@pytest.fixture
def closing():
    opened = []
    yield lambda panel: opened.append(panel) or panel
    for panel in opened:
        panel.close()


def click(panel, button):
    """Press a button and wait for what it sets off, a job included."""
    before = getattr(panel, "job", None)
    button.click()
    assert panel.desk.settle(60)
    job = getattr(panel, "job", None)
    if job is not None and job is not before:
        job.wait(120)
        time.sleep(0.05)
        assert panel.desk.settle(60)


def until(check, seconds=20):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "this has not come true"
        time.sleep(0.02)


# ---- predict


def test_an_empty_project_is_filled_and_predicted_by_buttons(empty, made, closing):
    runs = []
    panel = closing(lk.PredictPanel(empty, runs.append))
    panel.frames.value = str(made / "scenes")
    click(panel, panel.add)
    assert "8 frames" in panel.counts.value
    click(panel, panel.open)
    shown = dict(o[::-1] for o in panel.rows.options)
    assert "bolt" in shown["bolt"].split("\u2192")[1]
    assert "dropped" in shown["nut"]
    assert "2 dropped: nut, washer" in panel.dropped.value
    panel.rows.value, panel.targets.value = ("nut",), "vehicle"
    click(panel, panel.assign)
    panel.conf.value = 0.4
    click(panel, panel.start)
    (run,) = runs
    found = empty.proposals(run)
    assert set(found["label"]) == {"bolt", "vehicle"}
    manifest = empty.run(run).manifest
    assert (manifest.conf, manifest.label_map["washer"]) == (0.4, None)
    assert "washer" in panel.message.value  # what was dropped, and how often


def test_wider_labels_are_suggested_and_taken_only_when_asked(empty, closing):
    from labkit.core.labelmap import suggest
    from labkit.models.detectors.base import ModelInfo
    from labkit.runs.look import Look, label_plan

    info = ModelInfo("m", "detect", ("car", "truck", "bolt", "kite"))
    plan, suggestions = label_plan(empty, info)
    assert suggestions == suggest(info.labels, empty.labels)
    panel = closing(lk.PredictPanel(empty))
    panel._looked(Look(info, plan, suggestions))
    shown = dict(o[::-1] for o in panel.rows.options)
    assert "suggestion:\u00a0vehicle" in shown["car"]
    assert panel.options()["label_map"] is None  # nobody has said anything
    click(panel, panel.suggest)
    assert panel.options()["label_map"] == {
        "car": "vehicle", "truck": "vehicle", "bolt": "bolt", "kite": None,
    }  # fmt: skip
    panel.rows.value = ("truck",)
    click(panel, panel.drop)
    assert panel.options()["label_map"]["truck"] is None


def test_what_cannot_be_opened_says_so_in_one_line(empty, closing):
    panel = closing(lk.PredictPanel(empty))
    panel.weights.value = "nothing.onnx"
    click(panel, panel.open)
    assert "lkp-error" in panel.state.value
    assert panel.start.disabled is False
    click(panel, panel.start)
    assert "no frame" in panel.message.value


def test_a_prediction_can_be_cancelled(project, closing):
    panel = closing(lk.PredictPanel(project))
    panel.conf.value = 0.61
    panel.start.click()
    assert panel.desk.settle(60)
    panel.cancel.click()
    panel.job.wait(60)
    panel.refresh()
    assert panel.job.state in ("cancelled", "finished")  # a fast machine may be done
    assert panel.cancel.disabled


def test_the_question_mark_tells_what_a_model_is(empty, closing):
    panel = closing(lk.PredictPanel(empty))
    panel.weights.value = "yolo11n.pt"
    click(panel, panel.help)
    for word in ("YOLO11", "80 everyday labels", "56 ms", "AGPL-3.0"):
        assert word in panel.about.value
    assert panel.about.layout.display == ""


# ---- queue


def test_the_queue_follows_the_form(project, closing):
    panel = closing(lk.QueuePanel(project))
    panel.refresh()
    assert len(panel.list.options) == 8
    panel.limit.value, panel.order.value = 3, "entropy"
    until(lambda: len(panel.list.options) == 3 and any("bits" in t for t, _ in panel.list.options))
    assert set(panel.queue["rule"]) == {"entropy"}
    panel.decided.value = "decided"
    until(lambda: panel.open.disabled)
    assert not panel.list.options


def test_every_order_can_be_picked(project, closing):
    panel = closing(lk.QueuePanel(project))
    panel.refresh()
    for _title, name in panel.order.options:
        panel.order.value = name
        panel.rank()
        needs_another = name == "disagreement"
        assert ("lkp-error" in panel.message.value) is needs_another, name


def test_a_chosen_frame_is_opened(project, closing):
    opened = []
    panel = closing(lk.QueuePanel(project, lambda queue, frame_id: opened.append(frame_id)))
    panel.refresh()
    panel.list.value = panel.list.options[2][1]
    click(panel, panel.open)
    assert opened == [panel.queue["frame_id"].iloc[2]]


# ---- metrics, jobs


def test_metrics_follow_the_ledger(project, closing):
    panel = closing(lk.MetricsPanel(project))
    panel.refresh()
    assert "no decisions yet" in panel.head.value
    with project.review(reviewer="ana") as session:
        session.reject(session.objects()[0].object_id)
        session.accept_frame()
    panel.refresh()
    assert "1 frame finished" in panel.head.value
    assert bytes(panel.plots["scores"].value).startswith(b"\x89PNG")
    assert "<td>all</td>" in panel.table.value
    before = panel.plots["scores"].value
    panel.refresh()
    assert panel.plots["scores"].value is before  # nothing new, nothing drawn


def test_jobs_are_listed_cancelled_and_their_errors_told(closing):
    def work(context):
        for k in range(1000):
            context.update(k, 1000, EVIL)
            context.check()
            time.sleep(0.01)

    def fail(_context):
        raise lk.LabkitError(f"Lost {EVIL}", "it fell", "pick it up")

    running, failed = Job(work, "count").start(), Job(fail, EVIL).start()
    failed.wait(10)
    panel = closing(lk.JobsPanel())
    row = panel._rows[running.id]
    until(lambda: running.progress.done > 0)
    panel.refresh()
    assert "of 1000" in row._words.value
    row.cancel.click()
    running.wait(10)
    panel.refresh()
    assert "cancelled" in row._words.value
    assert row.cancel.disabled
    said = panel._rows[failed.id]._words.value
    assert EVIL not in said
    assert html.escape(EVIL) in said
    assert "it fell" in said


def test_release_is_a_job_of_its_own(closing):
    panel = closing(lk.JobsPanel())
    panel.release.click()
    assert panel.desk.settle(60)
    until(lambda: any("release memory: finished" in r._words.value for r in _refreshed(panel)))
    assert "this process" in panel._memory.value


def _refreshed(panel):
    panel.refresh()
    return panel._rows.values()


# ---- track


@pytest.fixture
def moving(made, tmp_path):
    """A project of one scene that moves by a few pixels from frame to frame."""
    (tmp_path / "moving").mkdir()
    with Image.open(next((made / "scenes").glob("*.jpg"))) as scene:
        for k in range(4):
            scene.crop((3 * k, 0, 3 * k + 480, 384)).save(tmp_path / "moving" / f"{k}.png")
    with lk.Project.create(tmp_path / "q") as p:
        p.add_frames(tmp_path / "moving")
        p.predict(embedded_weights(), conf=0.5, progress=None)
        yield p


def test_objects_are_followed_and_tracked(moving, closing):
    project = moving
    order = project.frames()[["frame_id"]].assign(rule="order", reason="as added")
    with project.review(order, "ana") as session:
        panel = closing(lk.TrackPanel(session))
        panel.refresh()
        assert len(panel.list.options) == len(session.objects())
        click(panel, panel.follow)
        assert "Choose objects" in panel.message.value
        first = panel.list.options[0][1]
        panel.list.value = (first,)
        click(panel, panel.follow)
        panel.refresh()
        assert "flow" in panel.list.options[0][0]
        (held,) = session.followed
        assert held.object_id == first
        click(panel, panel.unfollow)
        assert session.followed == []
        panel.target.value = 2
        panel.list.value = (first,)
        click(panel, panel.track)
        assert panel.job.state == "finished", panel.state.value
        panel.refresh()
        assert "<td>#" in panel.tracks.value
        click(panel, panel.again)
        assert "nothing" in panel.message.value.lower()  # no correction was made


# ---- bench


def test_the_bench_begins_with_predict_and_opens_the_queue_of_the_first_run(empty, made, closing):
    bench = closing(lk.Bench(empty, "ana"))
    assert bench.reviewer is None
    assert bench.tabs.titles[bench.tabs.selected_index] == "Predict"
    panel = bench.panels["Predict"]
    panel.frames.value = str(made / "scenes")
    click(panel, panel.add)
    click(panel, panel.start)
    until(lambda: bench.reviewer is not None)
    session = bench.reviewer.session
    assert session.reviewer == "ana"
    assert len(session.order) == 8
    assert bench.tabs.titles[bench.tabs.selected_index] == "Predict"
    assert tuple(bench.tabs.titles) == ("Queue", "Track", "Predict", "Metrics", "Jobs")


def test_a_run_that_ends_leaves_the_queue_in_the_reviewers_hands(project, closing, monkeypatch):
    said = []
    monkeypatch.setattr(Glass, "send", lambda _glass, message: said.append(message.get("text", "")))
    bench = closing(lk.Bench(project))
    reviewer, panel = bench.reviewer, bench.panels["Predict"]
    reviewer.session.goto(reviewer.session.order[3])
    panel.conf.value = 0.2
    click(panel, panel.start)
    run = project.runs()[-1].run_id
    until(lambda: f"Run {run} has finished: rank again under Queue" in said)
    assert bench.reviewer is reviewer
    assert reviewer.session.position == 3
    assert any(o.object_id.startswith(run) for o in reviewer.session.view.objects)
    queue = bench.panels["Queue"]
    queue.refresh()
    assert len(queue.list.options)


def test_a_finished_project_opens_all_the_same(project, closing):
    with project.review(reviewer="ana") as session:
        for _ in session.order:
            session.accept_frame()
            session.next()
    bench = closing(lk.Bench(project))
    assert bench.reviewer.session.progress() == (8, 8)


def test_a_bench_on_a_queue_shows_its_run_and_what_was_tracked_since(project, closing):
    first = project.runs()[0].run_id
    second = project.predict(embedded_weights(), conf=0.3, progress=None)
    queue = project.queue(second, decided=None, limit=3)
    bench = closing(lk.Bench(project, queue=queue, reviewer="ana", keymap="cvat"))
    session = bench.reviewer.session
    assert session.order == queue["frame_id"].tolist()
    assert (session.reviewer, session.threshold) == ("ana", 0.3)
    shown = [o.object_id for o in session.view.objects]
    assert shown
    assert all(name.startswith(second) for name in shown)
    tracks = project.associate(second, progress=None, replace=True)
    bench._tracked(tracks)
    until(lambda: any(o.track_id is not None for o in session.view.objects))
    assert not any(o.object_id.startswith(first) for o in session.view.objects)
    # opened again it shows the tracks at once; without a queue, every run
    again = closing(lk.Bench(project, queue=queue)).reviewer.session
    assert all(o.object_id.startswith(tracks) for o in again.view.objects)
    both = closing(lk.Bench(project)).reviewer.session.view.objects
    assert any(o.object_id.startswith(first) for o in both)


def test_an_empty_queue_says_so_and_leaves_the_panels(project, closing):
    with project.review() as session:
        while session.accept_frame() and session.next():
            pass
    bench = closing(lk.Bench(project, queue=project.queue()))
    assert bench.reviewer is None
    assert "This queue is empty" in bench._top.children[0].value
    assert bench.tabs.titles[bench.tabs.selected_index] == "Queue"
    with pytest.raises(lk.LabkitError, match=r"queue=project\.queue\(run\)"):
        lk.Bench(project, queue="r0001")


def test_tracks_are_shown_in_the_session_that_is_open(project, closing):
    bench = closing(lk.Bench(project))
    session = bench.reviewer.session
    run = project.associate(progress=None, replace=True)
    bench._tracked(run)
    until(lambda: any(o.track_id is not None for o in session.view.objects))


def test_only_the_panel_that_is_seen_keeps_itself_up_to_date(project, closing):
    bench = closing(lk.Bench(project))
    bench._displayed = True
    bench.tabs.selected_index = 3
    assert {n for n, p in bench.panels.items() if p._shown} == {"Metrics"}
    bench.tabs.selected_index = 4
    assert {n for n, p in bench.panels.items() if p._shown} == {"Jobs"}


def test_a_bench_needs_a_project():
    with pytest.raises(lk.LabkitError, match=r"lk\.Bench\(lk\.Project\.open"):
        lk.Bench("folder")


def test_without_a_front_end_there_are_tables(project, closing, monkeypatch):
    monkeypatch.setenv("LABKIT_FRONT_END", "0")
    with project.review() as session:
        panels = [
            lk.Bench(project), lk.QueuePanel(project), lk.MetricsPanel(project), lk.JobsPanel(),
            lk.PredictPanel(project), lk.TrackPanel(session),
        ]  # fmt: skip
        for panel in map(closing, panels):
            bundle = panel._repr_mimebundle_()
            assert set(bundle) == {"text/plain", "text/html"}
            assert bundle["text/plain"]
    assert "borderline" in panels[1]._repr_mimebundle_()["text/html"]


# ---- names are text


def test_hostile_names_are_escaped_everywhere(made, tmp_path, closing):
    (tmp_path / "named").mkdir()
    for k, path in enumerate(sorted((made / "scenes").glob("*.jpg"))[:3]):
        shutil.copy(path, tmp_path / "named" / f"<b onclick=x>{k}.jpg")
    with lk.Project.create(tmp_path / "p", labels=[EVIL]) as p:
        p.add_frames(tmp_path / "named")
        p.predict(embedded_weights(), conf=0.3, label_map={"nut": EVIL}, progress=None)
        bench = closing(lk.Bench(p))
        with p.review() as session:
            session.accept_frame()
        click(bench.panels["Predict"], bench.panels["Predict"].open)
        for panel in bench.panels.values():
            if hasattr(panel, "refresh"):
                panel.refresh()
        shown = [
            w.value
            for p in bench.panels.values()
            for w in _all(p)
            if isinstance(w, ipywidgets.HTML)
        ]
        assert any(html.escape(EVIL) in text for text in shown)
        for text in [*shown, bench.static_html()]:
            assert EVIL not in text
            assert "<b onclick" not in text


def _all(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _all(child)


def test_tables_escape_and_lists_keep_their_columns():
    assert "<td>&lt;b&gt;</td><td class=lkp-number>1</td>" in table(("a", "n"), [("<b>", 1)], (1,))
    text = columns_text(("abcdef", 5, "x  y"), (4, -3, 0))
    assert text.replace("\u00a0", " ") == "abc\u2026    5  x y"
    assert " " not in text  # lists would fold them
