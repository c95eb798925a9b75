"""An invented France, written in the official file formats, with deliberate dirt and counts known by construction."""

from qpvhealth.sample.folder import write

__all__ = ["write"]
