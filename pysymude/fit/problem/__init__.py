"""The problem that a loss is of: what the user asked for, prepared once."""
