"""Metrics: rates and plots that follow the ledger."""

import labkit as lk


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
