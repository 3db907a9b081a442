"""Which commit made a model or package, and how two commits and their models differ."""
