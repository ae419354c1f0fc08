"""How sure a fit is: errors, profiles, starts, comparisons, samples, designs, identifiability."""
