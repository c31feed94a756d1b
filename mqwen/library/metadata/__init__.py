"""Metadata inside photos and in XMP sidecars beside them: read, plan, prove, commit."""
