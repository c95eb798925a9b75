"""Bytes to raw tables: text as the file holds it, with the row number of each record."""
