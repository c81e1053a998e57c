import { describe, expect, test } from "vitest";

import type { AnnotatedObject } from "../src/messages";
import { ALWAYS, decided, painted, shown } from "../src/visibility";

function object(shown_from: number, state: AnnotatedObject["state"] = "proposed"): AnnotatedObject {
  const shape = { box: [0, 0, 9, 9] as [number, number, number, number] };
  return { id: "o", label: "nut", state, score: 0.5, shape, track: null, shown_from };
}

describe("shown", () => {
  test("a score just below the threshold is not shown, however it is rounded to be read", () => {
    const o = object(Math.fround(0.49996));
    expect(shown(o, 0.5)).toBe(false);
    expect(shown(o, 0.49)).toBe(true);
  });

  test("a stored score of 0.7 is shown at 0.7, though no float32 is 0.7", () => {
    expect(Math.fround(0.7)).toBeLessThan(0.7);
    expect(shown(object(Math.fround(0.7)), 0.7)).toBe(true);
    expect(shown(object(Math.fround(0.7)), 0.71)).toBe(false);
  });

  test("what is decided is shown at any threshold, what never is at none", () => {
    expect(shown(object(ALWAYS), 1)).toBe(true);
    expect(shown(object(-1), 0)).toBe(false);
  });
});

test("what was rejected stays painted, with what is shown", () => {
  const objects = [object(0.9), object(0.3), object(-1, "rejected"), object(-1)];
  expect(painted(objects, 0.5)).toEqual([objects[0], objects[2]]);
});

test("a decision makes an object one that no threshold hides", () => {
  const o = decided(object(0.3), "accepted");
  expect(o.state).toBe("accepted");
  expect(shown(o, 0.9)).toBe(true);
});
