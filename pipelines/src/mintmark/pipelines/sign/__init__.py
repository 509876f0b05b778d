"""Statements about a release (in-toto), and the keys that sign them."""
