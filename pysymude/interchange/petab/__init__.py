"""PEtab problems: from their tables to a system, its data, and a likelihood; and back."""
