"""Many fits of one system."""
