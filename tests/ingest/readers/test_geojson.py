"""What is counted of a GeoJSON document without parsing it, held against a parser."""

from __future__ import annotations

import json
from unittest import mock

import pytest
from hypothesis import given, settings, strategies as st

from qpvhealth.errors import InputError
from qpvhealth.ingest.readers import geojson

TEXT = st.text(st.sampled_from('ab"\\[]{}Fé/\n'), max_size=6) | st.sampled_from(["features", "geometry"])
VALUES = st.recursive(
    TEXT | st.none() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
GEOMETRIES = st.dictionaries(
    st.sampled_from(["type", "coordinates", "bbox"]), TEXT | st.lists(VALUES, max_size=2), max_size=3
)
FEATURES = st.lists(
    st.tuples(st.dictionaries(TEXT, VALUES, max_size=3), st.sampled_from([{}, "geometry"]), GEOMETRIES | st.none()).map(
        lambda drawn: {**drawn[0], **({drawn[1]: drawn[2]} if drawn[1] else {})}
    ),
    max_size=5,
)


@pytest.fixture
def counted(tmp_path):
    def count(text):
        (tmp_path / "a.geojson").write_bytes(text if isinstance(text, bytes) else text.encode())
        return geojson.counted(tmp_path / "a.geojson")

    return count


def has_array(geometry):
    """Say whether the first member of an object that is not plain is an array, as the coordinates of a geometry are.

    A member of a geometry called "features" or "geometry" is another mark: it is not looked behind.
    """
    members = geometry.items() if isinstance(geometry, dict) else []
    name, inner = next(((n, v) for n, v in members if isinstance(v, (list, dict))), ("", None))
    return isinstance(inner, list) and name not in ("features", "geometry")


@given(
    FEATURES, st.dictionaries(TEXT.filter(lambda name: name != "features"), VALUES), st.booleans(), st.integers(1, 40)
)
@settings(max_examples=100, deadline=None)
def test_the_count_is_that_of_a_parser(tmp_path_factory, features, others, ascii_only, piece):
    path = tmp_path_factory.mktemp("g") / "a.geojson"
    path.write_text(json.dumps({**others, "features": features}, ensure_ascii=ascii_only), encoding="utf-8")
    with mock.patch.object(geojson, "MIB", piece):
        assert geojson.counted(path) == (len(features), sum(has_array(f.get("geometry")) for f in features))


def test_a_document_without_features_has_no_count(counted):
    assert counted('{"type": "Point", "coordinates": [1, 2]}') is None
    assert counted('{"a": {"features": [{}]}}') is None
    assert counted('{"features": []}') == (0, 0)


@pytest.mark.parametrize("piece", [1, 2**20])
def test_a_text_that_reads_features_is_no_name(counted, piece):
    with mock.patch.object(geojson, "MIB", piece):
        assert counted('{"a": "features", "": [], "features"\n : [{}]}') == (1, 0)
        assert counted('{"a": "features", "b": [{}]}') is None


@pytest.mark.parametrize("piece", [1, 2**20])
@pytest.mark.parametrize(
    ("feature", "n"),
    [
        ('{"geometry" :\n{ "type": "Point", "coordinates": [1, 2]}}', 1),
        ('{"properties": {"geometry": {"a": [1]}}, "geometry": {"coordinates": []}}', 1),
        ('{"geometry": null, "properties": {"a": [1]}}', 0),
        ('{"geometry": {}, "properties": {"a": [1]}}', 0),
        ('{"geometry": {"bbox": null, "coordinates": [1, 2]}}', 1),
        ('{"properties": {"geometry": {"a": [1]}, "b": "geometry"}}', 0),
    ],
)
def test_geometries_are_counted_apart(counted, feature, n, piece):
    with mock.patch.object(geojson, "MIB", piece):
        document = f'{{"geometry": {{"a": [1]}}, "features": [{feature}, {feature}], "b": {feature}}}'
        assert counted(document) == (2, 2 * n)


@pytest.mark.parametrize(("depth", "refused"), [(32, False), (33, True)])
def test_nesting_has_an_end(counted, depth, refused):
    text = '{"a":' + "[" * (depth - 1) + '"]]]]"' + "]" * (depth - 1) + "}"
    if refused:
        with pytest.raises(InputError, match=f"nested {depth} deep, at most 32"):
            counted(text)
    else:
        assert counted(text) is None


@pytest.mark.parametrize("end", ["", '\\"', "]"])
def test_brackets_hidden_behind_a_quote_are_seen(counted, end):
    with pytest.raises(InputError, match="nested 40 deep"):
        counted('{"a\\"": 1, "b": "x' + end + '", "c": ' + "[" * 39)
    with pytest.raises(InputError, match="nested 41 deep"):
        counted('{"never closed: ' + "[" * 40)


@pytest.mark.parametrize("quote", ["", '\\"'])
def test_a_giant_string_is_refused(counted, quote):
    inside = quote + "x" * (geojson.MAX_STRING - 2 - len(quote))
    assert counted(f'{{"a": "{inside}"}}') is None
    with pytest.raises(InputError, match="a string of 1048577 bytes"):
        counted(f'{{"a": "{inside}x"}}')


def test_a_document_is_cut_outside_its_strings():
    data = b'{"a": "' + b"x" * 30 + b'", "b": "y' + b'", "c": "'
    with mock.patch.object(geojson, "MIB", 8):
        pieces = list(geojson._pieces(data))
    assert pieces == [b'{"a": "' + b"x" * 30 + b'"', b', "b": "y"', b', "c": "']
