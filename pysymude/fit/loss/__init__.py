"""The objective: a loss and its gradient as functions of theta."""
