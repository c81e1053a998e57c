"""Projects on disk: frames, runs of proposals, the ledger of decisions, and their fold."""

from labkit.store.ledger import Ledger
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore

__all__ = ["Ledger", "ProjectStore", "RunStore"]
