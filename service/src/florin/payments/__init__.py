"""Payments: authorise and capture, each one durable commit."""
