"""Many images, fast."""
