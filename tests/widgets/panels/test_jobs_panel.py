"""Jobs: what runs, how far it is, and what memory is held."""

import html
import time

from widgets.panels.hand import until

import labkit as lk
from labkit.runs.jobs import Job

EVIL = "<img src=x onerror=alert(1)>"


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
