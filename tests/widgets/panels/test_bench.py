"""The bench: a reviewer and its panels."""

import pytest
from widgets.panels.hand import click, until

import labkit as lk
from labkit.demo import embedded_weights
from labkit.widgets.glass import Glass


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


def test_a_bench_after_tracking_still_reviews_what_the_detector_proposed(project, closing):
    before = project.queue()
    first = project.proposals().iloc[[0]]
    project.track(first, tracker="flow", progress=None)
    bench = closing(lk.Bench(project, reviewer="ana"))
    session = bench.reviewer.session
    assert session.order == before["frame_id"].tolist()
    assert session.threshold == project.runs()[0].conf
    detected = [o for o in session.objects() if o.run_id == project.runs()[0].run_id]
    assert all(o.score >= session.threshold for o in detected)
