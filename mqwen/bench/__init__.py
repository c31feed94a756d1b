"""Measurements of MQwen itself: `mqwen bench`."""
