"""Stopping rules: from a tally alone, whether to stop and why."""
