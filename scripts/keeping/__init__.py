"""What the base model knows, how it is rehearsed, and when too much of it was forgotten."""
