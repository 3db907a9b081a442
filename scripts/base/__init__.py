"""Finding, downloading and unpacking a base model, and checking that it cannot run code."""
