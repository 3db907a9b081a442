"""How models are scored: new labels, retention, confusion, and how much is chance."""
