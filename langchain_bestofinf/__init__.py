"""Adaptive ensembles for LangChain."""
