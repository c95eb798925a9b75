"""The kinds of cards, one module each: its keys, layouts and words, and how its columns are cleaned (``registry`` lists them)."""
