"""Who may raise the cap on moved traffic, and what a file that says so must hold."""

from pathlib import Path

import pytest

from foreshadow.candidate import Governance
from foreshadow.errors import ConfigError
from policy_gen.governance import read_governance


def test_default_cap_holds_without_a_file() -> None:
    """No file, no name, the default cap."""
    assert read_governance(None, default_cap=0.1) == Governance(moved_traffic_cap=0.1)


def test_demo_raises_the_cap_by_name_and_reason(repository: Path) -> None:
    """The demo's own file allows 15 % and says who answers for it and why."""
    path = repository / "console" / "networks" / "demo_governance.yaml"

    governance = read_governance(path, default_cap=0.1)

    assert governance.moved_traffic_cap == 0.15
    assert governance.raised_by
    assert governance.reason


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("version: 1\nmoved_traffic_cap: 0.2\nreason: why\n", "raised_by"),
        ("version: 1\nmoved_traffic_cap: 0.2\nraised_by: me\nreason: ''\n", "reason"),
        (
            "version: 1\nmoved_traffic_cap: 1.2\nraised_by: me\nreason: why\n",
            "moved_traffic_cap",
        ),
        ("version: 1\nmoved_traffic_cap: 0.2\nraised_by: me\nreason: why\nmore: 1\n", "more"),
    ],
)
def test_a_bad_file_names_its_field(tmp_path: Path, text: str, field: str) -> None:
    """A cap without a name or a reason is refused, and the error says where."""
    path = tmp_path / "governance.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        read_governance(path, default_cap=0.1)

    assert caught.value.field == field
    assert caught.value.path == path


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    """Naming a file that is not there is a mistake of the operator."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_governance(tmp_path / "none.yaml", default_cap=0.1)
