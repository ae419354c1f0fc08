"""Tables of measurements as people have them: files and data frames, long and wide, as arrays of experiments."""
