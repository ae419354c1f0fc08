"""From symbols to solutions: what is asked is checked, a method chosen, an engine run, arrays named."""
