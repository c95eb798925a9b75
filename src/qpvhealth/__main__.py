"""``python -m qpvhealth``: the command line."""

import sys

from qpvhealth.cli import main, run

if vars(sys.modules["__main__"]) is globals():
    run()
main()  # run by another program (``runpy``, a profiler), which has its own end
