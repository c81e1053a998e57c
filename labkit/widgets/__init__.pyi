from .keymap import Keymap as Keymap
from .reviewer import Reviewer as Reviewer
