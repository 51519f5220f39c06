"""The commands of `python -m crend_training`."""
