"""Where the files of a dataset lie: read by ``add_frames`` for its images, by imports for labels.

One module per kind of dataset. It knows paths only; what a label means is known to
:mod:`labkit.exchange`.
"""
