"""Problems with known answers, which tests and benchmarks share; neither imports the other."""
