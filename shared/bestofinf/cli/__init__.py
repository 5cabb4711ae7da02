"""The command line."""

from bestofinf.cli.app import main

__all__ = ["main"]
