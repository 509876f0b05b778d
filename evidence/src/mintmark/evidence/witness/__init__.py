"""Witnesses: others who saw the log grow and signed that they did (C2SP tlog-witness), and one of our own to run."""
