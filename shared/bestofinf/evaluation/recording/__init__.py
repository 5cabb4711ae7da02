"""Recording of calls while an application runs: reports, a queue, and a writer thread."""
