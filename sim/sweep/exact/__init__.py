"""Failure rates that are computed instead of sampled: every run that a drawn time can lead to."""
