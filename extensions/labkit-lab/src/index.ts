// labkit in JupyterLab. The bench works without all of this.

import { commands } from "./commands";
import { status } from "./status";

export default [commands, status];
