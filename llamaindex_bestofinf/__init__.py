"""Adaptive ensembles for LlamaIndex."""
