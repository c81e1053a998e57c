from . import metrics as metrics
from ._version import __version__ as __version__
from .core.errors import LabkitError as LabkitError
from .project import Project as Project
from .review import ReviewSession as ReviewSession
from .review import ScriptedReviewer as ScriptedReviewer
from .runs import jobs as jobs
from .widgets import Reviewer as Reviewer
