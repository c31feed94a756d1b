"""Tuning a model on captions, and the recipe of the starter model."""
