"""The review bench in Jupyter: the only package that knows ipywidgets, ipycanvas and anywidget."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
