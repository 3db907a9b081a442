"""How a model becomes a package: its card, its contents, its wheel."""
