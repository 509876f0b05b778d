"""The one place that says which version this is; the wheel and `mintmark --version` read it."""

__version__ = "0.1.0"
