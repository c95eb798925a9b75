"""Lines folded to a terminal: no line is too long, a command can still be copied, no line begins with a sign."""

import shlex

import pytest

from qpvhealth.cli.folding import folded

COMMAND = "Lignes : qpvhealth list counted --year 2019 --situation in_qpv --within territory:saint_pierre_et_miquelon"


def test_a_label_with_an_apostrophe_is_no_quoted_word():
    lines = list(folded([COMMAND.replace("Lignes", "Détail d'un cas")], 60))
    assert all(len(line) <= 60 for line in lines)


def test_a_command_goes_on_after_a_backslash_as_a_shell_reads_it():
    lines = list(folded([COMMAND], 60))
    assert len(lines) == 2
    assert all(len(line) <= 60 for line in lines)
    assert lines[0].endswith(" \\")
    joined = "\n".join(lines).replace("\\\n", " ")
    assert shlex.split(joined) == shlex.split(COMMAND)


def test_a_quoted_word_of_a_command_is_never_broken():
    line = f"{COMMAND} --out '/home/a b/releases'"
    assert list(folded([line], 60)) == [line]


@pytest.mark.parametrize("sign", [":", ";"])
def test_no_line_begins_with_a_sign(sign):
    text = f"{'x' * 30} {sign} {'y' * 20}"
    assert list(folded([text], 31)) != [text]
    assert not any(line.strip().startswith(sign) for width in (31, 32, 33) for line in folded([text], width))


def test_short_lines_and_indents_stay():
    assert list(folded(["short"], 40)) == ["short"]
    assert list(folded(["  " + "word " * 12], 40))[1].startswith("    word")
