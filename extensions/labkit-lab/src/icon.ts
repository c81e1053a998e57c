// Corners of a box with a tick in it.

import { LabIcon } from "@jupyterlab/ui-components";

const paths = ["M3 8V3h5M16 3h5v5M21 16v5h-5M8 21H3v-5", "m7.5 12.5 3 3 6-7"];

export const icon = new LabIcon({
  name: "labkit:icon",
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" ' +
    'fill="none" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">' +
    paths.map((d) => `<path class="labkit-icon" d="${d}"/>`).join("") +
    "</g></svg>",
});
