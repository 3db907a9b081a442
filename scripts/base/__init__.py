"""How a base model is found, downloaded, checked for what could run code, and unpacked."""
