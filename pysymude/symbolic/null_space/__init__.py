"""Null spaces: sampled modulo primes, eliminated in integers, lifted and checked."""
