"""Where the rooms of the house meet to build a release: raw folder in, tables out."""
