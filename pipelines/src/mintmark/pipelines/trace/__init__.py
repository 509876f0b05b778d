"""The way between money and builds, verified step by step as it is printed."""
