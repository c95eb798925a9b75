"""What every staged and published table promises: declared once, checked at two borders, documented from the same data."""
