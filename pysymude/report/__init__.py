"""Reports: a fit as one page of HTML."""
