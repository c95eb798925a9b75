"""From raw files to staged tables: guarded readers, layouts as data, one module per kind of source."""
