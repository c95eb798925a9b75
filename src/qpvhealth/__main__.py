"""``python -m qpvhealth``: the command line."""

from qpvhealth.cli import main

main()
