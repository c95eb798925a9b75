"""Run commands of the program one after another in one process, and write what each answered; ``test_additions`` starts it in a copy.

Standard input: the commands, lists of words, as JSON; ``example FILE`` calls the tests of a file instead. Standard output: where the program was imported from, then the exit code and the
output of each command, as JSON.
"""

import json
import runpy
import sys

from click.testing import CliRunner

import qpvhealth
from qpvhealth.cli import main_group


def answers(commands):
    for command in commands:
        if command[0] == "example":
            tests = [thing for name, thing in runpy.run_path(command[1]).items() if name.startswith("test_")]
            yield [len(tests), str([test() for test in tests])]
            continue
        answer = CliRunner().invoke(main_group, command)
        yield [answer.exit_code, answer.stdout]


json.dump([qpvhealth.__file__, *answers(json.load(sys.stdin))], sys.stdout)
