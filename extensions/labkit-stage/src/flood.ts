// Areas of equal pixels in a mask: a scanline fill on typed arrays.

export interface Area {
  /** x1, y1, x2, y2; the last ones lie outside. */
  box: [number, number, number, number];
  /** Whether it reaches the mask's edge. */
  open: boolean;
}

export const MARK = 2;

/** Mark the area around a pixel with MARK; `diagonal` joins pixels that touch at corners only. */
export function flood(
  mask: Uint8Array,
  width: number,
  height: number,
  x: number,
  y: number,
  diagonal: boolean,
): Area {
  const value = mask[y * width + x];
  const box: Area["box"] = [x, y, x + 1, y + 1];
  const stack = [y * width + x];
  let open = false;
  while (stack.length) {
    const at = stack.pop()!;
    if (mask[at] !== value) continue;
    const row = Math.floor(at / width);
    const [start, end] = [row * width, (row + 1) * width];
    let [left, right] = [at, at + 1];
    while (left > start && mask[left - 1] === value) left--;
    while (right < end && mask[right] === value) right++;
    if (right - left > 64) mask.fill(MARK, left, right);
    else for (let k = left; k < right; k++) mask[k] = MARK;
    if (left - start < box[0]) box[0] = left - start;
    if (right - start > box[2]) box[2] = right - start;
    if (row < box[1]) box[1] = row;
    if (row >= box[3]) box[3] = row + 1;
    open ||= left === start || right === end || row === 0 || row === height - 1;
    const from = diagonal ? Math.max(start, left - 1) : left;
    const to = diagonal ? Math.min(end, right + 1) : right;
    for (const by of [-width, width]) {
      if (by < 0 ? row === 0 : row === height - 1) continue;
      for (let k = from + by; k < to + by; k++)
        if (mask[k] === value && (k === from + by || mask[k - 1] !== value)) stack.push(k);
    }
  }
  return { box, open };
}
