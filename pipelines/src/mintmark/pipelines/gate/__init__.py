"""The gate: one policy over all facts, one verdict, and the reasons for it."""
