"""Answer types: from a reply to a vote, by meaning and not by string."""
