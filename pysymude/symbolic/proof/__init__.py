"""Proofs that share nothing with the search: an identity is decided from the printed expressions alone."""
