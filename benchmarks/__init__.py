"""How fast the project is, and how its training strategies compare."""
