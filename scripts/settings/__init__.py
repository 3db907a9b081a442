"""How files of settings are read, and how what is wrong with them is said."""
