"""The filmstrip: pictures go along with their frames."""

FILM = """() => [...document.querySelectorAll('.lk-thumb')]
  .filter(thumb => thumb.style.visibility !== 'hidden')
  .map(thumb => {
    const canvas = thumb.querySelector('canvas');
    const [, , , alpha] = canvas.getContext('2d').getImageData(72, 46, 1, 1).data;
    return [thumb.querySelector('span').textContent, thumb.querySelector('i').textContent,
      thumb.children.length, alpha > 0];
  })"""


LINE = """() => {
  const line = document.querySelector('.lk-line');
  return line.getContext('2d').getImageData(line.width - 2, 5, 1, 1).data.join(' ');
}"""


def test_the_filmstrip_shows_every_frame_of_the_window_in_its_place(bench):
    for _ in range(4):
        bench.press("a")
    bench.at(5)
    bench.press("d")
    bench.at(4)
    bench.saved()
    expected = [[str(k), "✓" if k < 5 else "", 3, True] for k in range(2, 10)]
    bench.page.wait_for_function(
        f"expected => JSON.stringify(({FILM})()) === JSON.stringify(expected)",
        arg=expected,
    )


def test_the_queue_s_line_follows_the_theme(bench):
    light = bench.page.evaluate(LINE)
    try:
        bench.theme("Dark")
        bench.page.wait_for_function(f"light => ({LINE})() !== light", arg=light)
    finally:
        bench.theme("Light")
    bench.page.wait_for_function(f"light => ({LINE})() === light", arg=light)
