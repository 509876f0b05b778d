"""Binding a ledger to the log: journal entries, batches of their leaves, receipts of postings, and check L4."""
