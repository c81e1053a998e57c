"""The ``sam2`` package: building its models, and what the interactor and the tracker share."""
