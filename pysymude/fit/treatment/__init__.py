"""What is done to data before they are fitted: smoothing, scales, weights, starts, resamples."""
