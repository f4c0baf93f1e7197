"""Tools of the host: what they say, and what is said when they do not."""

import pytest

from foreshadow.errors import EmulationFailed
from shadow.emulation.network_tools import run_tool


def test_what_a_tool_reads_and_prints_is_text() -> None:
    """A script goes in, an answer comes out."""
    assert run_tool("cat", script="table netdev x {}\n") == "table netdev x {}\n"


def test_a_tool_that_refuses_is_quoted() -> None:
    """By its first complaint, or by what it ended with."""
    with pytest.raises(EmulationFailed, match=r"^cat: .*no-such-file"):
        run_tool("cat", "/no-such-file")
    with pytest.raises(EmulationFailed, match=r"^false: ended with 1$"):
        run_tool("false")


def test_a_tool_that_is_missing_is_named() -> None:
    """What the host lacks is no bug of ours."""
    with pytest.raises(EmulationFailed, match=r"^no-such-tool: .*No such file"):
        run_tool("no-such-tool")


def test_tools_of_the_system_are_found_from_any_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also from one whose path does not lead to /usr/sbin."""
    monkeypatch.setenv("PATH", "/nowhere")

    assert "ldconfig" in run_tool("ldconfig", "--version")
