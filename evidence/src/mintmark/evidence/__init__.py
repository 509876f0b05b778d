"""What Mintmark can prove afterwards: the evidence log, its proofs and its queries."""
