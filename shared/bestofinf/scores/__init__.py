"""Models of verifier scores: how they are spread for one question, and over questions."""
