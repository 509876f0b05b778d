"""Florin: the reference payments service. It knows nothing of Mintmark."""
