"""The public project: a store with verbs."""

from labkit.project.frames import AddReport
from labkit.project.project import Project

__all__ = ["AddReport", "Project"]
