// COCO's run-length encoding, as pycocotools writes it: column by column, starting with zeros.

import type { Rle } from "./messages";

export function decodeRle(rle: Rle): Uint8Array {
  const [height, width] = rle.size;
  const out = new Uint8Array(height * width);
  const counts: number[] = [];
  const text = rle.counts;
  for (let p = 0; p < text.length; ) {
    let x = 0;
    let k = 0;
    let more = true;
    while (more) {
      const c = text.charCodeAt(p++) - 48;
      x |= (c & 0x1f) << (5 * k);
      more = (c & 0x20) !== 0;
      k++;
      if (!more && c & 0x10) x |= -1 << (5 * k);
    }
    if (counts.length > 2) x += counts[counts.length - 2];
    counts.push(x);
  }
  let at = 0;
  counts.forEach((run, k) => {
    if (k % 2)
      for (let j = at; j < at + run; j++) out[(j % height) * width + Math.floor(j / height)] = 1;
    at += run;
  });
  return out;
}

export function encodeRle(mask: Uint8Array, width: number, height: number): Rle {
  const counts: number[] = [];
  let value = 0;
  let run = 0;
  for (let x = 0; x < width; x++)
    for (let y = 0; y < height; y++) {
      const v = mask[y * width + x] ? 1 : 0;
      if (v === value) run++;
      else {
        counts.push(run);
        run = 1;
        value = v;
      }
    }
  counts.push(run);
  let text = "";
  counts.forEach((count, k) => {
    let x = k > 2 ? count - counts[k - 2] : count;
    for (let more = true; more; ) {
      let c = x & 0x1f;
      x >>= 5;
      more = c & 0x10 ? x !== -1 : x !== 0;
      if (more) c |= 0x20;
      text += String.fromCharCode(c + 48);
    }
  });
  return { size: [height, width], counts: text };
}
