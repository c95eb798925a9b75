"""Notes of the invented France: each is computed once in a worker, for every test that reads it."""

from functools import cache

import pytest

from qpvhealth.studies.report import Subject, note


@pytest.fixture(scope="session")
def noted(built_release):
    """Give the note of an area and a year of the invented France, by the options of its subject."""
    return cache(lambda **options: note(Subject.of(built_release, **options)))
