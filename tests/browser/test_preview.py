"""What is seen before it is asked for: a mask under the pointer, a wire that grows with it."""

from browser.test_segment import looked, middle, ready

_DRAWN = """() => {
  const canvas = document.querySelector(".lk-live");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let k = 3; k < data.length; k += 4) if (data[k]) n++;
  return n;
}"""


def drawn(bench, least=0, most=10**9):
    """Wait until so many pixels of the live layer are painted; how many."""
    bench.page.wait_for_function(
        f"([low, high]) => {{ const n = ({_DRAWN})(); return n >= low && n <= high; }}",
        arg=[least, most],
        timeout=60_000,
    )
    return bench.page.evaluate(_DRAWN)


def test_a_mask_is_previewed_under_the_pointer_and_decides_nothing(bench):
    top = bench.top()
    ready(bench)
    bench.page.mouse.move(*bench.point(4, 4))
    bench.page.wait_for_timeout(300)
    x, y = middle(top)
    for k in range(4):  # a hand is never quite still; the first look at a frame takes longer
        bench.page.mouse.move(*bench.point(x + k, y))
        bench.page.wait_for_timeout(300)
    k = bench.page.evaluate("() => document.querySelector('.lk-live').width") / 512
    inside = (top.x2 - top.x1) * (top.y2 - top.y1) * k * k
    drawn(bench, least=int(inside / 8))
    # nothing is kept of a preview
    bench.press("Enter")
    bench.said("Click on an object first")
    bench.page.locator(".lk-side").hover()  # away from the frame nothing is previewed
    drawn(bench, most=0)
    assert bench.decisions().empty


def test_the_live_wire_of_the_scissors_becomes_an_object(page, project):
    page.open(project, options=', interactor="scissors"')
    top = page.top()
    page.press("s")
    page.page.wait_for_function(
        "() => document.querySelector('.lk-pointstate').textContent.startsWith('Click around')",
        timeout=120_000,
    )
    mid_x, mid_y = middle(top)
    page.click(top.x1 + 1, mid_y)
    page.said("2 more points needed")
    page.click(mid_x, top.y1 + 1)
    page.said("1 more point needed")
    before = page.page.evaluate(_DRAWN)
    for k in range(4):  # from the third point on there is an outline to be shown
        page.page.mouse.move(*page.point(top.x2 - 1 - k, mid_y))
        page.page.wait_for_timeout(300)
    assert drawn(page, least=before + 40) > before
    page.click(top.x2 - 1, mid_y)
    page.click(mid_x, top.y2 - 1)
    looked(page)
    page.press("Enter")
    page.saved()
    (row,) = page.decided().itertuples()
    assert row.state == "added"
    assert abs((row.x2 - row.x1) - (top.x2 - top.x1)) < 12
    assert page.decisions().iloc[-1]["tool"] == "scissors"
    page.leave()


_SPREAD = """() => {
  const canvas = document.querySelector(".lk-base");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let n = 0, sum = 0, squares = 0;
  for (let k = 0; k < data.length; k += 4) { n++; sum += data[k]; squares += data[k] ** 2; }
  return Math.sqrt(squares / n - (sum / n) ** 2);
}"""


def test_a_key_gives_more_contrast_and_decides_nothing(bench):
    before = bench.page.evaluate(_SPREAD)
    bench.press("h")
    bench.said("More contrast")
    bench.page.wait_for_function(f"low => ({_SPREAD})() > low", arg=before + 1, timeout=30_000)
    bench.covered(False)
    bench.press("h")
    bench.said("as it is in the file")
    bench.page.wait_for_function(f"high => ({_SPREAD})() < high", arg=before + 0.5, timeout=30_000)
    assert bench.decisions().empty
