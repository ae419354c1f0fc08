"""The one training loop, and `fit`."""
