// Keys pressed in a panel stay in it: JupyterLab's "d d" would delete the cell.
const CELL_KEYS = new Set(["enter", "backspace", "delete", "z", "y", "x", "c", "v", "a", "d", "m"]);

function stays(event) {
  if (event.key === "Tab" || /^f\d+$/i.test(event.key)) return false;
  if (event.ctrlKey || event.metaKey) return CELL_KEYS.has(event.key.toLowerCase());
  return true;
}

export default {
  render({ model, el }) {
    el.classList.add("lkp-guard");
    let tries = 0;
    const attach = () => {
      const panel = el.closest(".labkit-bench-all, .labkit-panel");
      if (!panel && tries++ < 200) return void setTimeout(attach, 50);
      if (!panel || panel.dataset.lkGuarded) return;
      panel.dataset.lkGuarded = "1";
      panel.setAttribute("role", "region");
      panel.setAttribute("aria-label", model.get("name"));
      panel.addEventListener("keydown", (event) => { if (stays(event)) event.stopPropagation(); });
    };
    attach();
  },
};
