// The anywidget: one store per model, one glass per view.

import { Glass } from "./glass";
import type { Config } from "./messages";
import { Store } from "./store";
import type { Model } from "./types";

const stores = new Map<string, Store>();

// anywidget hands each hook a wrapper of its own; what stays the same is its id
function storeOf(model: Model): Store {
  const { id } = model.get("config") as Config;
  const store = stores.get(id) ?? new Store(model);
  stores.set(id, store);
  return store;
}

export default {
  initialize({ model }: { model: Model }) {
    const store = storeOf(model);
    store.send({ type: "ready" });
    return () => {
      store.bitmaps.clear();
      stores.delete(store.config.id);
    };
  },
  render({ model, el }: { model: Model; el: HTMLElement }) {
    const glass = new Glass(storeOf(model));
    el.classList.add("lk-root");
    el.append(glass.element);
    return () => glass.destroy();
  },
};
