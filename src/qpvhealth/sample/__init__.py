"""An invented France, written in the official file formats, with deliberate dirt and counts known by construction."""

from qpvhealth.sample.folder import write
from qpvhealth.sample.revision import contour_changes
from qpvhealth.sample.truth import Truth, truth

__all__ = ["Truth", "contour_changes", "truth", "write"]
