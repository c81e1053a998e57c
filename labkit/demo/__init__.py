"""The demo: the whole flow in one call, and the embedded world that it can run on.

The flow (:class:`Demo`) takes photos of yours or the two that are always there. The world draws
scenes from a seed, with exact truth, offline and without weights. Names are imported on first use.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
