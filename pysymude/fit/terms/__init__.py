"""What a loss is a sum of, one term a file."""
