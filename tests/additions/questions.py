"""Run commands of the program one after another in one process, and write what each answered; ``test_additions`` starts it in a copy.

Standard input: the commands, lists of words, as JSON. Standard output: where the program was imported from, then the exit code and the
output of each command, as JSON.
"""

import json
import sys

from click.testing import CliRunner

import qpvhealth
from qpvhealth.cli import main_group


def answers(commands):
    for command in commands:
        answer = CliRunner().invoke(main_group, command)
        yield [answer.exit_code, answer.stdout]


json.dump([qpvhealth.__file__, *answers(json.load(sys.stdin))], sys.stdout)
