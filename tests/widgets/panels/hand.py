"""Buttons pressed, and what they set off waited for."""

import time


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
