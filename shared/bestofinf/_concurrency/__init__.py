"""Threads, event loops and forks: waiting from blocking code, waiting to the end, beginning anew."""
