"""Queue: the order, the filters and the list."""

from widgets.panels.hand import click, until

import labkit as lk


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
