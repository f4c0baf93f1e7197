"""Two drills never overlap on one lab."""

from pathlib import Path

import pytest

from scenarios.drills.drill_journal import LabName
from scenarios.drills.drill_lock import LabTaken, lab_to_oneself

LAB = LabName(run_id="fs3fa9c1", name="drill")


def test_a_second_drill_is_refused_with_who_holds_the_lab(tmp_path: Path) -> None:
    """Refused while the first one runs; another lab of the run is free; later this one is too."""
    other = LabName(run_id=LAB.run_id, name="other")
    with lab_to_oneself(LAB, place=tmp_path, drill="first"):
        with (
            pytest.raises(LabTaken, match=r"fs3fa9c1-drill is being drilled: drill first, process"),
            lab_to_oneself(LAB, place=tmp_path, drill="second"),
        ):
            pass
        with lab_to_oneself(other, place=tmp_path, drill="third"):
            pass

    with lab_to_oneself(LAB, place=tmp_path, drill="fourth"):
        pass
