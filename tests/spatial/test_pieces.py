from __future__ import annotations

import threading

import numpy as np
import pytest
import shapely

from qpvhealth.spatial import pieces


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 200])
def test_pieces_give_what_one_call_gives(n):
    boxes = shapely.box(np.arange(n), 0, np.arange(n) + 1.5, 1)
    others = shapely.box(np.arange(n) + 0.5, 0, np.arange(n) + 2, 1)
    assert shapely.equals(
        pieces.on_both_cores(shapely.intersection, boxes, others), shapely.intersection(boxes, others)
    ).all()
    assert np.array_equal(pieces.on_both_cores(shapely.area, boxes), shapely.area(boxes))


def test_many_are_shared_out_and_few_are_not():
    def thread(values):
        return np.full(len(values), threading.get_ident())

    assert set(pieces.on_both_cores(thread, np.arange(10))) == {threading.get_ident()}
    both = threading.Barrier(2)

    def together(values):
        both.wait(timeout=60)
        return thread(values)

    told = pieces.on_both_cores(together, np.arange(100))
    assert len(set(told)) == 2
    assert threading.get_ident() not in told


def test_what_is_raised_in_a_piece_is_raised():
    with pytest.raises(shapely.errors.GEOSException):
        pieces.on_both_cores(shapely.from_wkt, np.full(100, "POINT ("))
