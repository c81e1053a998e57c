"""Interactors: an image and prompts become masks."""
