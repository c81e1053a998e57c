// One ES module and one style sheet, straight into the Python package.
import { build } from "esbuild";

const out = process.argv[2] ?? "../../labkit/widgets/static";
await build({
  entryPoints: { stage: "src/index.ts" },
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
});
await build({
  entryPoints: { stage: "src/stage.css" },
  outdir: out,
  minify: true,
  logLevel: "warning",
});
