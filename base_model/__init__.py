"""Make the embedded base model: prepare its corpora, put the trained parts together, package."""
