"""Who changed, approved, waived and asked: facts about people, for the policy to judge."""
