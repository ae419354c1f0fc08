"""Files of arrays and JSON, and what tells one fit from another: below all other rooms."""
