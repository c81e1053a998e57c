"""What the status bar of JupyterLab shows of this kernel: progress, running jobs, memory of cards.

It is sent as an update of a display that does not exist: every front end drops it silently, and
labkit's JupyterLab extension reads it. Nothing is sent where no Jupyter server started the kernel.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

from labkit.widgets.lab_messages import JobStatus, KernelStatus

if TYPE_CHECKING:
    from labkit.review import ReviewSession

__all__ = ["EVERY_S", "MIME", "announce", "current", "publish", "watch"]

log = logging.getLogger(__name__)

MIME: Final = "application/vnd.labkit.status+json"
EVERY_S: Final = 1.0
_ALIVE_S: Final = 60.0
_MOST_JOBS: Final = 5
_LONGEST: Final = 80


_sessions: list[weakref.ref[ReviewSession]] = []
_lock = threading.Lock()
_last: tuple[float, KernelStatus | None] = (0.0, None)
_thread: threading.Thread | None = None


def watch(session: ReviewSession) -> None:
    """Show the progress of this session from now on, while somebody holds it."""
    with _lock:
        _sessions[:] = [r for r in _sessions if r() is not None and r() is not session]
        _sessions.append(weakref.ref(session))


def current() -> KernelStatus:
    """What there is to show at the moment; loads nothing."""
    done, total = _progress()
    used, card = _cards()
    return KernelStatus(done=done, total=total, jobs=_running(), used=used, card=card)


def _progress() -> tuple[int | None, int | None]:
    with _lock:
        alive = [s for r in _sessions if (s := r()) is not None]
    if not alive:
        return None, None
    return alive[-1].progress()


def _running() -> list[JobStatus]:
    module = sys.modules.get("labkit.runs.jobs")
    if module is None:
        return []
    rows = []
    for job in module.jobs():
        if job.state == "running":
            p = job.progress
            rows.append(
                JobStatus(name=job.name[:_LONGEST], state=job.state, done=p.done, total=p.total)
            )
    return rows[-_MOST_JOBS:]


def _cards() -> tuple[int | None, int | None]:
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return None, None
    from labkit.models import memory

    devices = memory().devices
    return sum(d.total - d.free for d in devices), sum(d.total for d in devices)


def publish(*, again: bool = False) -> bool:
    """Send what has changed, or all of it ``again``; whether anything was sent."""
    global _last
    kernel = _kernel()
    if kernel is None:
        return False
    status, now = current(), time.monotonic()
    with _lock:
        # a job's kernel must not look idle to a hub that culls
        stale = bool(status["jobs"]) and now - _last[0] >= _ALIVE_S
        if status == _last[1] and not again and not stale:
            return False
        _last = (now, status)
    content = {"data": {MIME: status}, "metadata": {}, "transient": {"display_id": "labkit-status"}}
    kernel.session.send(kernel.iopub_socket, "update_display_data", content, ident=b"display_data")
    return True


def _kernel() -> Any:
    """The kernel of this process, or None."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return getattr(shell, "kernel", None)


def announce() -> None:
    """In a kernel of a Jupyter server: send the status from now on, and hear who visits."""
    global _thread
    kernel = _kernel()
    if _thread is not None or kernel is None or not os.environ.get("JPY_SESSION_NAME"):
        return
    from labkit.widgets.visitor import listen

    try:
        listen(kernel, lambda: publish(again=True))
    except Exception:
        log.exception("the kernel cannot hear who visits")
    _thread = threading.Thread(target=_run, name="labkit-status", daemon=True)
    _thread.start()


def _run() -> None:
    broken = 0
    while broken < 3:
        try:
            publish()
            broken = 0
        except Exception:
            broken += 1
            log.exception("the status could not be sent")
        time.sleep(EVERY_S)
