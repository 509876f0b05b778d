"""Accounts, entries and postings: append-only, balanced, each entry marked with its deployment."""
