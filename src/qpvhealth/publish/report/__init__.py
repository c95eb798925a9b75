"""The progress report in the formats that people sign, send and print: one content, one renderer a format."""
