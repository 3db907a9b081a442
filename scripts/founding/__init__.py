"""A project of one's own out of this one: what goes along, and what is rewritten for it."""
