"""labkit: a model proposes, a person decides.

The public names stand in ``__init__.pyi`` and are imported on first use, so that ``import labkit``
loads neither torch nor pandas.
"""

import sys as _sys

import lazy_loader as _lazy

from .core.declared import declare as _declare

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

if "ipykernel.kernelbase" in _sys.modules:  # in a kernel: JupyterLab's status bar wants to know
    from .widgets.status import announce as _announce

    _announce()

_declare("detectors", "yolo-nano", "labkit.demo.plugins:SmallYolo")
_declare("sam2", "sam2-nano", "labkit.demo.embedded:small_sam2")
