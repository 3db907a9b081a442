"""How texts are read, shared out among workers, annotated, and written in each output format."""
