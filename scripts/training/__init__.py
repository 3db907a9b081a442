"""How the component that learns is set up: the complete config that `spacy train` gets."""
