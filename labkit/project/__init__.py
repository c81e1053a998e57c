"""The public project: a store with verbs."""

from labkit.project.project import AddReport, Project

__all__ = ["AddReport", "Project"]
