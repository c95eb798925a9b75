"""What is true of France, as data with its sources. A new territory, generation or category is one line here."""
