"""Write a checkpoint's averaged weights in half precision, and their hash.

python -m training.export_sam2 phase2.pt [--to FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from safetensors.torch import save_file

from labkit.demo.embedded import note_sum
from training.sam2_common import CONFIG, load


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--to", type=Path, default=CONFIG.with_suffix(".safetensors"))
    args = parser.parse_args()
    state = load(args.checkpoint)["model"]
    halves = {k: v.half().contiguous() if v.is_floating_point() else v for k, v in state.items()}
    save_file(halves, args.to)
    args.to.chmod(0o644)
    note_sum(args.to)


if __name__ == "__main__":
    main()
