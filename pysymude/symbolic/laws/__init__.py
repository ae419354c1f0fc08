"""First integrals: candidates, the search among them, what was found."""
