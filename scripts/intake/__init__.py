"""How labelled texts of every format are read, checked, split, and turned into DocBins."""
