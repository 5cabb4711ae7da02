"""Models of verifier scores: their distribution for one question, and over questions."""
