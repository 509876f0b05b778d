"""How Mintmark finds out and decides: build, scan, gate, sign, deploy."""
