"""Parts of ``benchmarks/ui.py``: one module a question, and what they are asked with."""
