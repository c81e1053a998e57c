// Keys pressed in a panel stay in it: JupyterLab's "d d" would delete the cell. And names for what
// ipywidgets leaves without one: the handles of its sliders, pictures, the line that says what
// happened.
const CELL_KEYS = new Set(["enter", "backspace", "delete", "z", "y", "x", "c", "v", "a", "d", "m"]);

function stays(event) {
  if (event.key === "Tab" || /^f\d+$/i.test(event.key)) return false;
  if (event.ctrlKey || event.metaKey) return CELL_KEYS.has(event.key.toLowerCase());
  return true;
}

function guard(element) {
  if (!element || element.dataset.lkGuarded) return;
  element.dataset.lkGuarded = "1";
  element.addEventListener("keydown", (event) => { if (stays(event)) event.stopPropagation(); });
}

function nameParts(panel, pictures) {
  for (const handle of panel.querySelectorAll(".noUi-handle:not([aria-label])")) {
    const words = handle.closest(".widget-slider")?.querySelector(".widget-label")?.textContent ?? "";
    const several = handle.closest(".noUi-base").querySelectorAll(".noUi-handle").length > 1;
    const end = handle.classList.contains("noUi-handle-lower") ? ", from" : ", to";
    handle.setAttribute("aria-label", several ? words + end : words);
  }
  for (const [mark, words] of Object.entries(pictures))
    for (const picture of panel.querySelectorAll(`img.${mark}:not([alt])`)) picture.alt = words;
  for (const said of panel.querySelectorAll(".lkp-message:not([role])")) said.setAttribute("role", "status");
}

export default {
  render({ model, el }) {
    el.classList.add("lkp-guard");
    let tries = 0;
    let seen;
    const attach = () => {
      const panel = el.closest(".labkit-panel");
      if (!panel && tries++ < 200) return void setTimeout(attach, 50);
      if (!panel || panel.dataset.lkGuarded) return;
      panel.setAttribute("role", "region");
      panel.setAttribute("aria-label", model.get("name"));
      guard(panel);
      guard(panel.closest(".labkit-bench")); // the tabs have keys, too
      const name = () => nameParts(panel, model.get("pictures"));
      name();
      seen = new MutationObserver(name); // ipywidgets builds sliders and pictures later
      seen.observe(panel, { childList: true, subtree: true });
    };
    attach();
    return () => seen?.disconnect();
  },
};
