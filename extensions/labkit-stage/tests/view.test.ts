import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { View } from "../src/view";

const FRAME = { width: 400, height: 200 };

describe("fit", () => {
  test("the whole frame is seen, in the middle", () => {
    const view = new View();
    view.fit(FRAME, 200, 300);
    expect(view.k).toBe(0.5);
    expect(view.toStage({ x: 0, y: 0 })).toEqual({ x: 0, y: 100 });
    expect(view.toStage({ x: 400, y: 200 })).toEqual({ x: 200, y: 200 });
    expect(view.fitted).toBe(true);
  });
});

describe("zoom", () => {
  test("the point under the cursor stays there", () => {
    const view = new View();
    view.fit(FRAME, 200, 300);
    const at = { x: 37, y: 120 };
    const before = view.toFrame(at);
    for (const factor of [1.25, 3, 0.4]) {
      view.zoom(at, factor);
      expect(view.toFrame(at).x).toBeCloseTo(before.x);
      expect(view.toFrame(at).y).toBeCloseTo(before.y);
    }
    expect(view.fitted).toBe(false);
  });

  test("it ends somewhere", () => {
    const view = new View();
    view.zoom({ x: 0, y: 0 }, 1e9);
    expect(view.k).toBe(64);
    view.zoom({ x: 0, y: 0 }, 1e-9);
    expect(view.k).toBe(0.02);
  });
});

test("a point goes to the stage and back", () => {
  const view = new View();
  view.zoom({ x: 10, y: 20 }, 2.5);
  view.pan(7, -3);
  const p = view.toFrame(view.toStage({ x: 12.5, y: 99 }));
  expect(p.x).toBeCloseTo(12.5);
  expect(p.y).toBeCloseTo(99);
});

describe("one to one", () => {
  beforeEach(() => vi.stubGlobal("window", { devicePixelRatio: 2 }));
  afterEach(() => vi.unstubAllGlobals());

  test("a pixel of the frame is one of the screen, and not between two", () => {
    const view = new View();
    view.fit(FRAME, 333, 301);
    view.actual(333, 301);
    expect(view.k).toBe(0.5);
    expect((view.tx * 2) % 1).toBeCloseTo(0);
    expect((view.ty * 2) % 1).toBeCloseTo(0);
  });
});

test("equal views have equal keys, others do not", () => {
  const [a, b] = [new View(), new View()];
  expect(a.key(10, 10, 1)).toBe(b.key(10, 10, 1));
  b.pan(0.1, 0);
  expect(a.key(10, 10, 1)).not.toBe(b.key(10, 10, 1));
});
