// What a screen reader hears: verdicts politely, refusals at once.

import { h } from "./dom";

export class Announcer {
  readonly element: HTMLElement;
  private readonly polite = h("div", { role: "status", "aria-live": "polite" });
  private readonly urgent = h("div", { role: "alert", "aria-live": "assertive" });

  constructor() {
    this.element = h("div", { class: "lk-heard" }, this.polite, this.urgent);
  }

  say(text: string, urgent = false): void {
    const region = urgent ? this.urgent : this.polite;
    region.textContent = "";
    // an equal text said twice is heard twice
    window.setTimeout(() => (region.textContent = text), 30);
  }
}
