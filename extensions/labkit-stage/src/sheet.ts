// The cheat sheet. It is made from the keymap, so it says what the keys do.

import { h } from "./dom";
import type { Store } from "./store";

export class Sheet {
  readonly element = h("div", {
    class: "lk-sheet",
    role: "dialog",
    "aria-label": "Keys",
    tabindex: -1,
    hidden: true,
  });

  constructor(
    private readonly store: Store,
    private readonly after: () => void,
  ) {
    this.element.addEventListener("click", () => this.toggle());
    // Tab leads to what lies beneath, which has to be seen then
    this.element.addEventListener("focusout", (event) => {
      const to = event.relatedTarget as Node | null;
      if (to && !this.element.contains(to)) this.element.hidden = true;
    });
  }

  get open(): boolean {
    return !this.element.hidden;
  }

  toggle(): void {
    if (this.open) {
      this.element.hidden = true;
      return this.after();
    }
    const groups = this.store.config.sheet.map(({ title, rows }) =>
      h(
        "section",
        {},
        h("h4", {}, title),
        ...rows.map(([keys, what]) =>
          h("div", { class: "lk-key" }, h("kbd", {}, keys), h("span", {}, what)),
        ),
      ),
    );
    // it scrolls where the bench is low, so keys have to reach it
    const page = h("div", { class: "lk-page", tabindex: 0 }, ...groups);
    this.element.replaceChildren(page);
    this.element.hidden = false;
    page.focus();
  }
}
