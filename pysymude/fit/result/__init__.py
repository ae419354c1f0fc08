"""What a fit has found: numbers, predictions, residuals, warnings, its file."""
