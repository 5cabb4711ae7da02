"""Mathematics by meaning: a reader and a worker process that SymPy cannot hang."""
