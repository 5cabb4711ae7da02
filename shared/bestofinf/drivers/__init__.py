"""Drivers: they carry out an engine's draws, in tasks or in threads."""

from bestofinf.drivers.asynchronous import avote
from bestofinf.drivers.threads import vote

__all__ = ["avote", "vote"]
