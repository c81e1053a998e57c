from .bench import Bench as Bench
from .jobs_panel import JobsPanel as JobsPanel
from .keymap import Keymap as Keymap
from .metrics_panel import MetricsPanel as MetricsPanel
from .predict_panel import PredictPanel as PredictPanel
from .queue_panel import QueuePanel as QueuePanel
from .reviewer import Reviewer as Reviewer
from .track_panel import TrackPanel as TrackPanel
