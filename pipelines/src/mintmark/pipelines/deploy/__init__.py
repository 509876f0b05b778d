"""From a verdict to a running service: admission verifies again, a driver starts what was verified."""
