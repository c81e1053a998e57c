"""Parts of ``benchmarks/ui.py``: one module per question, and what they share."""
