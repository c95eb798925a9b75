"""From numbers to files people use: the release and its manifest, tables as text or workbook, lists, checks."""
