"""Finding, downloading and unpacking a base model, checking it, and what of it sets entities."""
