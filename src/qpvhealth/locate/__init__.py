"""Points by the million placed among the QPV of a file, on one machine or several."""
