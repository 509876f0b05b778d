"""Where the log is kept: one interface, one module a backend."""
