"""What all long work shares: its progress in one line, its calls on several processes."""
