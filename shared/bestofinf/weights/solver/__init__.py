"""The proof of the best weights: margins, presolve, cuts, and the search over mixtures."""
