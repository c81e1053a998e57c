// Commands that act on the glass that has the focus, by its own buttons.

export const VERBS: Record<string, [action: string, label: string]> = {
  "labkit:accept-frame": ["accept_frame", "Accept the Frame"],
  "labkit:reject-frame": ["reject_frame", "Send the Frame to Hand-labelling"],
  "labkit:previous-frame": ["previous", "Frame Before"],
  "labkit:next-frame": ["next", "Next Frame"],
  "labkit:undo": ["undo", "Undo a Decision"],
  "labkit:redo": ["redo", "Redo a Decision"],
};

export function focused(): Element | null {
  return document.activeElement?.closest(".lk-glass") ?? null;
}

export function press(action: string): void {
  focused()?.querySelector<HTMLElement>(`[data-action="${action}"]`)?.click();
}

/** The first glass of a notebook: the focus goes to its stage. */
export function enter(node: Element | undefined): void {
  node?.querySelector<HTMLElement>(".lk-glass .lk-stage")?.focus();
}
