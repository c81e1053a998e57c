"""Projects on disk: frames, runs of proposals, and the ledger that goes with them."""

from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore

__all__ = ["ProjectStore", "RunStore"]
