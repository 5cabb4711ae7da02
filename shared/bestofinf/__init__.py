"""Adaptive, weighted majority voting over the answers of language models.

The core knows no LLM framework; ``langchain_bestofinf`` and ``llamaindex_bestofinf`` build on it.
"""
