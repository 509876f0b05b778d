"""Scanners: what they are given, what they read, what they found."""
