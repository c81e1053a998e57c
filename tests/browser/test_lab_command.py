"""``make lab``: JupyterLab opens on 02_review, whose cells run as they stand."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from browser.jupyter import ROOT, free_port

NOTEBOOK = "02_review.ipynb"
_READY = """name => {
  const widget = window.jupyterapp?.shell?.currentWidget;
  return Boolean(widget?.context?.isReady && widget.context.path === name
    && widget.sessionContext.session?.kernel?.connectionStatus === "connected");
}"""


def make_line() -> list[str]:
    """What ``make lab`` runs after the interpreter's name."""
    said = subprocess.run(
        ["make", "-n", "lab", "READY="], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    (line,) = [line for line in said.splitlines() if " lab " in line]
    return line.split()[1:]


WATCH = """from tornado.websocket import WebSocketHandler

inner = WebSocketHandler.set_nodelay

def set_nodelay(handler, value):
    inner(handler, value)
    print("nodelay", value, handler.request.path, flush=True)

WebSocketHandler.set_nodelay = set_nodelay
"""


@pytest.fixture
def server(tmp_path: Path):
    (tmp_path / "CONFIG").mkdir()
    (tmp_path / "CONFIG" / "jupyter_server_config.py").write_text(WATCH)
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / NOTEBOOK, tmp_path / "notebooks")
    home = {f"JUPYTER_{part}_DIR": str(tmp_path / part) for part in ("CONFIG", "DATA", "RUNTIME")}
    clean = {k: v for k, v in os.environ.items() if k not in ("CI", "JPY_SESSION_NAME")}
    port = free_port()
    log = (tmp_path / "lab.log").open("wb")
    process = subprocess.Popen(
        [
            *(sys.executable, *make_line(), "--", "--no-browser", "--allow-root"),
            *(f"--port={port}", "--ip=127.0.0.1", "--expose-app-in-browser"),
        ],
        cwd=tmp_path,
        env={**clean, **home, "PYTHONPATH": str(ROOT)},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    yield lambda: address(tmp_path / "lab.log", process, port)
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    log.close()


def address(log: Path, process: subprocess.Popen, port: int) -> str:
    """The address that JupyterLab prints for a person to open."""
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        found = re.search(rf"http://127\.0\.0\.1:{port}/\S+token=\w+", log.read_text("utf-8"))
        if found:
            return found[0]
        time.sleep(0.2)
    raise AssertionError(log.read_text("utf-8")[-2000:])


def test_make_lab_opens_the_review_and_its_cells_run_as_they_stand(browser, server, tmp_path):
    url = server()
    assert NOTEBOOK in url
    context = browser.new_context(viewport={"width": 1400, "height": 940})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(url)
    page.wait_for_function(_READY, arg=NOTEBOOK, timeout=90_000)
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_selector(".lk-stage[data-painted]", timeout=180_000)
    page.locator(".lk-stage").focus()
    page.keyboard.press("a")
    page.wait_for_function("() => document.querySelector('.lk-place').textContent.startsWith('2 ')")
    page.wait_for_function("() => document.querySelector('.lk-light').dataset.light === 'saved'")
    assert not page.locator(
        ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']"
    ).count()
    context.close()
    assert not errors
    said = (tmp_path / "lab.log").read_text("utf-8")
    assert re.search(r"nodelay True /api/kernels/[-\w]+/channels", said), said[-2000:]
    assert (tmp_path / "notebooks" / "02_review-out" / "project" / "ledger.db").is_file()
