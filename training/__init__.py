"""Trains the networks of `bestofinf.tiny`; needs torch, which the library itself does not."""
