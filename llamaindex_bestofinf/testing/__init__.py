"""Conformance tests for LlamaIndex LLMs of any origin; `bestofinf.testing` hands them on."""
