"""report.json is a public interface: its schema is published and reports fit it."""

import json
import os
from pathlib import Path

import jsonschema
import pytest

from console.report_model import Report
from tests.fakes.sample_report import broken_report, sample_report

SCHEMA = Path(__file__).parents[3] / "docs" / "report.schema.json"


def test_golden_schema_is_up_to_date() -> None:
    """docs/report.schema.json is what the model says; `make golden` rewrites it."""
    current = json.dumps(Report.model_json_schema(), indent=2, sort_keys=True) + "\n"
    if os.environ.get("FORESHADOW_GOLDEN") == "rewrite":
        SCHEMA.write_text(current, encoding="utf-8")

    assert SCHEMA.read_text(encoding="utf-8") == current


@pytest.mark.parametrize("report", [sample_report(), broken_report()], ids=["whole", "broken"])
def test_report_fits_the_published_schema(report: Report) -> None:
    """What a run writes is valid by the file a reader validates against."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))

    jsonschema.validate(json.loads(report.model_dump_json()), schema)


@pytest.mark.parametrize("report", [sample_report(), broken_report()], ids=["whole", "broken"])
def test_report_survives_json(report: Report) -> None:
    """Reading back what was written gives the same report."""
    assert Report.model_validate_json(report.model_dump_json()) == report
