"""The embedded world, drawn from a seed with exact truth, and the demo: the whole flow in one call.

Offline; nothing here needs weights or frames of anyone's.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
