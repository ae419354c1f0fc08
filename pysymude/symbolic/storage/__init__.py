"""Laws and certificates as files."""
