"""Light and dark, as JupyterLab is; LABKIT_SCREENSHOTS=folder keeps the pictures."""

import os
from pathlib import Path

import pytest

_LIGHTNESS = """e => {
  const [r, g, b] = getComputedStyle(e).backgroundColor.match(/\\d+/g).map(Number);
  return (r + g + b) / 765;
}"""
_INK = (
    "e => getComputedStyle(e).color.match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b)"
)


@pytest.fixture
def theme(bench, request):
    bench.theme(request.param.title())
    yield request.param
    bench.theme("Light")


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
def test_the_bench_has_the_colours_of_jupyterlab(bench, theme, tmp_path):
    bench.command("application:toggle-left-area")
    bench.press("f", "a", "ArrowDown", "2", "ArrowDown", "r", "ArrowDown", "Shift+A", "n")
    bench.at(3)
    bench.drag((38, 262), (72, 298))  # a washer that the model has missed
    bench.press("3")
    bench.saved()
    bench.covered(False)
    side = bench.page.locator(".lk-side")
    dark = side.evaluate(_LIGHTNESS) < 0.5
    assert dark is (theme == "dark")
    assert (side.evaluate(_INK) > 380) is dark
    folder = Path(os.environ.get("LABKIT_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    bench.page.wait_for_selector(".lk-notice", state="hidden")
    picture = folder / f"review-{theme}.jpg"
    bench.page.locator(".lk-glass").screenshot(path=picture, type="jpeg", quality=82)
    assert picture.stat().st_size < 300_000
    bench.press("?")
    bench.page.locator(".lk-glass").screenshot(
        path=folder / f"keys-{theme}.jpg", type="jpeg", quality=82
    )
    bench.press("?")
    bench.command("application:toggle-left-area")
