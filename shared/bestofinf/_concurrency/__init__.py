"""Helpers for threads, event loops and forks."""
