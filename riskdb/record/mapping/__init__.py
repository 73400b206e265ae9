"""Which column of a form means what: a table of synonyms, and what a steward has confirmed."""
