"""How files are written whole, read back as DocBins, hashed, and found to be damaged."""
