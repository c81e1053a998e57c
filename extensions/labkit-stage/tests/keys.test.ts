import { describe, expect, test } from "vitest";

import { belongsToLab, nameOf } from "../src/keys";

function pressed(key: string, more: Partial<KeyboardEvent> = {}): KeyboardEvent {
  return {
    key,
    code: "",
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    ...more,
  } as KeyboardEvent;
}

describe("the name of a key", () => {
  test.each([
    ["a", pressed("a")],
    ["a", pressed("A")], // Caps Lock
    ["shift+a", pressed("A", { shiftKey: true })],
    ["ctrl+shift+z", pressed("Z", { ctrlKey: true, shiftKey: true })],
    ["ctrl+z", pressed("z", { metaKey: true })], // a Mac's Meta key
    ["alt+arrowup", pressed("ArrowUp", { altKey: true })],
    ["?", pressed("?", { shiftKey: true })], // a sign is named by itself
    ["space", pressed(" ")],
    ["shift+space", pressed(" ", { shiftKey: true })],
  ])("%s", (name, event) => {
    expect(nameOf(event)).toBe(name);
  });

  test("another alphabet's letter is the one at its place", () => {
    expect(nameOf(pressed("ф", { code: "KeyA" }))).toBe("a");
    expect(nameOf(pressed("я", { code: "KeyZ", ctrlKey: true }))).toBe("ctrl+z");
  });
});

test("JupyterLab keeps its palette and function keys, not the keys of cells", () => {
  expect(belongsToLab(pressed("F5"))).toBe(true);
  expect(belongsToLab(pressed("s", { ctrlKey: true }))).toBe(true);
  expect(belongsToLab(pressed("z", { ctrlKey: true }))).toBe(false);
  expect(belongsToLab(pressed("d"))).toBe(false);
});
