"""Types, geometry, errors and registries: what every other package builds on."""
