"""The version, read by the build and by the run manifests."""

__version__ = "0.1.0"
