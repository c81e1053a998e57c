"""Detectors: an image becomes proposals."""
