"""Decisions: what people said, in SQL, and what it means for each object and frame."""

from labkit.ledger.ledger import Ledger

__all__ = ["Ledger"]
