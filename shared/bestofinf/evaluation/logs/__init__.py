"""Readers of the logs that other evaluation tools write.

A reader is one module: it knows the beginning of its files (`Head`) and yields what it finds in them
(`LogSample`, `LeftOut`, `Remark`, `Request`). To add one, write the module, put its `READER` into
`bestofinf.evaluation.logs.kinds.READERS`, and test it with a small file.
"""
