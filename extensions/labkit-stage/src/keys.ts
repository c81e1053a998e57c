// From a key to the name that the keymap knows, and what must not reach JupyterLab.

/** 'a', 'shift+z', 'ctrl+z', 'arrowup', '?' ... */
export function nameOf(event: KeyboardEvent): string {
  let key = event.key.toLowerCase();
  // other alphabets: take the Latin letter of that key
  if (key.length === 1 && key > "\u007f" && /^Key[A-Z]$/.test(event.code))
    key = event.code.slice(3).toLowerCase();
  if (key === " ") key = "space";
  const letter = key.length > 1 || (key >= "a" && key <= "z");
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("ctrl");
  if (event.altKey) parts.push("alt");
  if (event.shiftKey && letter) parts.push("shift");
  return [...parts, key].join("+");
}

const CELL_KEYS = new Set(["enter", "backspace", "delete", "z", "y", "x", "c", "v", "a", "d", "m"]);

/** Whether JupyterLab may have this key while the bench has the focus: saving, the palette ... */
export function belongsToLab(event: KeyboardEvent): boolean {
  if (/^f\d+$/i.test(event.key)) return true;
  return (event.ctrlKey || event.metaKey) && !CELL_KEYS.has(event.key.toLowerCase());
}

/** Controls that want the key for themselves. */
export function takesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement)
    return target.type !== "range" && target.type !== "button";
  if (target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLTextAreaElement || target.isContentEditable;
}

/** Whether a focused control itself answers to this key, such as Enter on a button. */
export function controlWants(target: EventTarget | null, name: string): boolean {
  if (target instanceof HTMLButtonElement) return name === "enter" || name === "space";
  if (target instanceof HTMLInputElement && target.type === "range")
    return name.startsWith("arrow") || name === "home" || name === "end" || name.startsWith("page");
  return false;
}
