"""What to compute, derived once from a system and frozen; it knows no engine."""
