// The anywidget: one store a model, one bench a view.

import { Bench } from "./bench";
import { Store } from "./store";
import type { Config, Model } from "./types";

const stores = new Map<string, Store>();

// anywidget hands each hook a wrapper of its own; what stays the same is the bench's name
function storeOf(model: Model): Store {
  const { bench } = model.get("config") as Config;
  let store = stores.get(bench);
  if (!store) stores.set(bench, (store = new Store(model)));
  return store;
}

export default {
  initialize({ model }: { model: Model }) {
    const store = storeOf(model);
    store.send({ type: "ready" });
    return () => {
      store.bitmaps.clear();
      stores.delete(store.config.bench);
    };
  },
  render({ model, el }: { model: Model; el: HTMLElement }) {
    const bench = new Bench(storeOf(model));
    el.classList.add("lk-root");
    el.append(bench.element);
    return () => bench.destroy();
  },
};
