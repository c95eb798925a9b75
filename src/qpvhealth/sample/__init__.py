"""An invented France, written in the official file formats, with deliberate dirt and counts known by construction."""

from qpvhealth.sample.folder import write
from qpvhealth.sample.planning import PlanningTruth, planning_truth
from qpvhealth.sample.revision import contour_changes
from qpvhealth.sample.truth import Truth, truth

__all__ = ["PlanningTruth", "Truth", "contour_changes", "planning_truth", "truth", "write"]
