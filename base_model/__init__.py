"""How the embedded base model is made: its corpora, its training, its wheel."""
