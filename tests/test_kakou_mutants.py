"""The table of mutants fits the code: each changes one place, and names tests that exist."""

import ast

from tests.mutants import alerts, console, riskdb
from tests.mutants.mutant import ROOT


def test_every_mutant_changes_one_place_and_is_still_python():
    mutants = [*riskdb.MUTANTS, *alerts.MUTANTS, *console.MUTANTS]
    assert len(mutants) >= 100
    assert len(set(mutants)) == len(mutants)
    for mutant in mutants:
        ast.parse(mutant.content(ROOT))
        assert all((ROOT / name).is_file() for name in mutant.tests), mutant.name
