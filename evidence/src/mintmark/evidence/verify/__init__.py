"""Verifies the whole log offline, level by level, and says where the first thing is that does not hold."""
