"""Pictures and reports, rendered offscreen."""
