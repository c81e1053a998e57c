"""Scripts that make the weights in ``labkit/demo/weights`` (see README.md)."""
