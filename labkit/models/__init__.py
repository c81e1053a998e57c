"""Models behind one interface: detectors, their weights, and the thread that runs them."""
