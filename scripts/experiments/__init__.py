"""How a sweep is declared, searched, queued, run on one machine or many, and summed up."""
