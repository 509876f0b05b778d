"""Keyless signatures: certificates for workflow identities, verified offline through the `sigstore` library."""
