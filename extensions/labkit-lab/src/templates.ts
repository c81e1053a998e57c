// The cells of the notebooks that are made here. Names are data: they go in as string literals.

import type { Defaults } from "./settings";

export interface Source {
  /** Folders or files, as the notebook reaches them. */
  what: string[];
  /** The project's folder, as the notebook reaches it. */
  project: string;
  /** A file, a name that Ultralytics knows, or DEMO. */
  weights: string;
  /** Open weights of another origin. */
  trust: boolean;
}

/** The small model that labkit ships. */
export const DEMO = "demo";

/** A JSON string is a Python literal, too. */
const py = (text: string) => JSON.stringify(text);

function list(what: string[]): string {
  return what.length === 1 ? py(what[0]) : `[${what.map(py).join(", ")}]`;
}

function call(name: string, ...given: (string | false)[]): string {
  return `${name}(${given.filter(Boolean).join(", ")})`;
}

/** The whole bench, as the Settings editor wants it. */
function bench(queue: string, { reviewer, keymap }: Defaults): string {
  return call(
    "lk.Bench",
    "p",
    queue && `queue=${queue}`,
    reviewer && `reviewer=${py(reviewer)}`,
    keymap !== "default" && `keymap=${py(keymap)}`,
  );
}

/** Open or make a project, predict, review. */
export function reviewCells(source: Source, defaults: Defaults): string[] {
  const demo = source.weights === DEMO;
  const weights = demo ? "embedded_weights()" : py(source.weights);
  const trust = source.trust && !demo ? "trust=True" : "";
  const run = `run = ${call("p.predict", weights, `conf=${defaults.conf}`, trust)}`;
  return [
    [
      "from pathlib import Path",
      "",
      "import labkit as lk",
      "",
      `folder = Path(${py(source.project)})`,
      'there = (folder / "project.toml").exists()',
      "p = lk.Project.open(folder) if there else lk.Project.create(folder)",
      `print(p.add_frames(${list(source.what)}))`,
    ].join("\n"),
    demo ? `from labkit.demo import embedded_weights\n\n${run}` : run,
    `queue = p.queue(run, decided=None)\n${bench("queue", defaults)}`,
  ];
}

/** Open a project and its bench. */
export function projectCells(project: string, defaults: Defaults): string[] {
  return [`import labkit as lk\n\np = lk.Project.open(${py(project)})`, bench("", defaults)];
}

/** A notebook with these cells. */
export function notebook(cells: string[], kernel: string): unknown {
  const spec = { name: kernel, display_name: kernel, language: "python" };
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: kernel ? { kernelspec: spec } : {},
    cells: cells.map((source, k) => ({
      cell_type: "code",
      id: `labkit-${k + 1}`,
      metadata: {},
      execution_count: null,
      outputs: [],
      source,
    })),
  };
}
