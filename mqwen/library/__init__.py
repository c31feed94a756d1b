"""Photos on disk."""
