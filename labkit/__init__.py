"""labkit: a model proposes, a person decides.

The public names stand in ``__init__.pyi`` and are imported on first use, so that ``import labkit``
loads neither torch nor pandas.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
