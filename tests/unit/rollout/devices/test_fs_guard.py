"""The dead-man on the device, run as it is, with a vtysh that writes down what it was told."""

import os
import subprocess
import threading
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from tests.eventually import eventually

_VTYSH = """#!/bin/sh
# What vtysh is told goes to a file; it fails while the file `down` is there, and where there is a
# file `slow`, a flip waits until the trial has been reverted.
here=$(dirname "$0")
[ ! -e "$here/down" ] || exit 1
case $* in *"/flip."*) while [ -e "$here/slow" ] && [ ! -e "$here/../state/reverted.t.w1" ]; do
    sleep 0.02; done ;; esac
echo "$@" >> "$(dirname "$0")/told"
"""


class Device:
    """A state directory with fs-guard in it, as the adapter leaves it."""

    def __init__(self, directory: Path) -> None:
        """Install guard and vtysh."""
        self.state, self.bin = directory / "state", directory / "bin"
        self.state.mkdir()
        self.bin.mkdir()
        script = files("rollout.devices").joinpath("fs_guard.sh").read_text()
        (self.state / "fs-guard").write_text(script)
        (self.bin / "vtysh").write_text(_VTYSH)
        (self.bin / "vtysh").chmod(0o755)

    def stage(self, trial: str) -> None:
        """What must be there before arming."""
        (self.state / f"flip.{trial}").write_text("router bgp 65001\n")
        (self.state / f"revert.{trial}").write_text("router bgp 65001\n")
        (self.state / f"clear.{trial}").write_text("clear bgp ipv4 unicast 10.0.0.1 soft in\n")

    def guard(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run fs-guard."""
        path = f"{self.bin}:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", str(self.state / "fs-guard"), *words],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def told(self) -> list[str]:
        """What vtysh was told."""
        path = self.bin / "told"
        return path.read_text().splitlines() if path.exists() else []

    def has(self, state: str, trial: str) -> bool:
        """Whether the trial is in that state."""
        return (self.state / f"{state}.{trial}").exists()


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """A device of this test."""
    return Device(tmp_path)


def test_timer_takes_back_what_is_not_confirmed(device: Device) -> None:
    """Revert, then the soft clear, in the device's pathspace; and it leaves word of it."""
    device.stage("t.w1")
    device.guard("arm", "t.w1", "0.1", "fsaaa-EAST")

    eventually(lambda: device.has("reverted", "t.w1"), within_s=5)
    assert device.told() == [
        f"-N fsaaa-EAST -f {device.state}/revert.t.w1",
        "-N fsaaa-EAST -c clear bgp ipv4 unicast 10.0.0.1 soft in",
    ]
    assert "timer" in device.guard("report", "t.w1").stdout


def test_confirmed_trial_stays(device: Device) -> None:
    """The timer is gone with the confirmation."""
    device.stage("t.w1")
    device.guard("arm", "t.w1", "0.2")
    eventually(lambda: device.has("timer", "t.w1"), within_s=5)

    assert device.guard("confirm", "t.w1").returncode == 0
    assert not device.has("timer", "t.w1")
    assert device.guard("confirm", "t.w1").returncode == 0
    assert device.guard("report", "t.w1").stdout.startswith("confirmed")
    assert device.told() == []


def test_confirmation_after_the_timer_comes_too_late(device: Device) -> None:
    """Exit status 3, and the revert stands."""
    device.stage("t.w1")
    device.guard("arm", "t.w1", "0")
    eventually(lambda: device.has("reverted", "t.w1"), within_s=5)

    assert device.guard("confirm", "t.w1").returncode == 3
    assert not device.has("confirmed", "t.w1")


def test_controller_reverts_at_once_and_waits_until_it_is_done(device: Device) -> None:
    """Without waiting for the timer; a second time nothing more happens."""
    device.stage("t.w1")
    device.guard("arm", "t.w1", "600", "space")

    assert device.guard("revert", "t.w1", "space").returncode == 0
    assert device.has("reverted", "t.w1")
    assert device.guard("revert", "t.w1", "space").returncode == 0
    assert len(device.told()) == 2
    assert "controller" in device.guard("report", "t.w1").stdout


def test_confirmed_trial_can_be_taken_back_and_the_startup_with_it(device: Device) -> None:
    """The start-up configuration was written at confirmation, so it is written again."""
    device.stage("t.w1")
    device.guard("arm", "t.w1", "600")
    device.guard("confirm", "t.w1")
    device.guard("revert", "t.w1", "")

    assert device.told()[-1] == "-c write memory"


def test_revert_of_an_unknown_trial_says_so(device: Device) -> None:
    """Exit status 3: nothing of it was ever armed."""
    assert device.guard("revert", "t.w9", "").returncode == 3
    assert device.guard("report", "t.w9").stdout.startswith("none")


def test_arming_needs_the_way_back(device: Device) -> None:
    """No revert text, no timer, no armed file."""
    assert device.guard("arm", "t.w1", "600").returncode == 1
    assert not device.has("armed", "t.w1")


def test_arming_again_does_not_extend(device: Device) -> None:
    """The first deadline counts."""
    device.stage("t.w1")
    device.guard("arm", "t.w1", "0.3")
    device.guard("arm", "t.w1", "600")

    eventually(lambda: device.has("reverted", "t.w1"), within_s=5)


def test_timer_tries_until_the_router_takes_it(device: Device) -> None:
    """A daemon that is just restarting refuses at first."""
    (device.bin / "down").touch()
    device.stage("t.w1")
    device.guard("arm", "t.w1", "0")
    eventually(lambda: device.has("reverting", "t.w1"), within_s=5)
    (device.bin / "down").unlink()

    eventually(lambda: device.has("reverted", "t.w1"), within_s=5)


def test_reboot_during_a_trial_is_never_confirmed(device: Device) -> None:
    """The timer did not survive it, whatever the clocks say: the old configuration was booted."""
    (device.state / "armed.t.w1").write_text("armed 0.00 600\n")
    (device.state / "timer.t.w1").write_text(f"{os.getpid()}\n")

    assert device.guard("confirm", "t.w1").returncode == 3
    assert not device.has("confirmed", "t.w1")


def test_flip_without_a_living_timer_does_nothing(device: Device) -> None:
    """A controller that slept through its dead-man comes back and goes on: it must not attach."""
    device.stage("t.w1")
    device.guard("arm", "t.w1", "0")
    eventually(lambda: device.has("reverted", "t.w1"), within_s=5)
    before = device.told()

    assert device.guard("flip", "t.w1").returncode == 3
    assert device.told() == before


def test_flip_overtaken_by_the_timer_is_taken_back(device: Device) -> None:
    """The timer reverts while vtysh is still attaching: the last word is the old policy."""
    device.stage("t.w1")
    (device.bin / "slow").touch()
    device.guard("arm", "t.w1", "0.2")

    assert device.guard("flip", "t.w1").returncode == 3
    flipped = device.told().index(f"-f {device.state}/flip.t.w1")
    clear = "-c clear bgp ipv4 unicast 10.0.0.1 soft in"
    assert device.told()[flipped + 1 :] == [clear, f"-f {device.state}/revert.t.w1", clear]


def test_flip_attaches_while_the_timer_runs(device: Device) -> None:
    """The text, then the soft clear."""
    device.stage("t.w1")
    device.guard("arm", "t.w1", "600")

    assert device.guard("flip", "t.w1").returncode == 0
    assert device.told() == [
        f"-f {device.state}/flip.t.w1",
        "-c clear bgp ipv4 unicast 10.0.0.1 soft in",
    ]
    device.guard("confirm", "t.w1")


def test_arming_whose_timer_never_began_is_made_good(device: Device) -> None:
    """The SSH session died between the file and the timer; the controller asks again."""
    device.stage("t.w1")
    (device.state / "armed.t.w1").write_text("armed 0.00 600\n")
    device.guard("arm", "t.w1", "0.1")

    eventually(lambda: device.has("reverted", "t.w1"), within_s=5)


def test_confirmed_trial_is_not_armed_again(device: Device) -> None:
    """Its timer would take back what everybody believes to be kept."""
    device.stage("t.w1")
    device.guard("arm", "t.w1", "600")
    device.guard("confirm", "t.w1")

    assert device.guard("arm", "t.w1", "0").returncode == 1
    assert not device.has("armed", "t.w1")


def test_revert_cut_short_by_a_reboot_is_finished(device: Device) -> None:
    """Nobody is at it any more; what was confirmed is taken out of the start-up too."""
    device.stage("t.w1")
    device.guard("arm", "t.w1", "600")
    device.guard("confirm", "t.w1")
    (device.state / "confirmed.t.w1").rename(device.state / "reverting.t.w1")

    assert device.guard("revert", "t.w1").returncode == 0
    assert device.has("reverted", "t.w1")
    assert device.told()[-1] == "-c write memory"


@pytest.mark.slow
def test_exactly_one_of_confirm_and_timer_wins(device: Device) -> None:
    """Two hundred races of a confirmation with a timer of 0 to 9 ms."""
    trials = [f"race.w{number}" for number in range(200)]
    for trial in trials:
        device.stage(trial)

    def race(trial: str) -> int:
        device.guard("arm", trial, f"{int(trial[6:]) % 10 / 1000:g}")
        return device.guard("confirm", trial).returncode

    statuses = _in_threads(race, trials, width=2)

    def is_decided(trial: str) -> bool:
        return device.has("confirmed", trial) or device.has("reverted", trial)

    eventually(lambda: all(map(is_decided, trials)), within_s=30)
    kept = [trial for trial, status in zip(trials, statuses, strict=True) if status == 0]
    for trial in trials:
        assert device.has("confirmed", trial) is (trial in kept)
        assert device.has("reverted", trial) is (trial not in kept)
    assert 0 < len(kept) < len(trials)


def _in_threads(
    action: Callable[[str], int], arguments: list[str], *, width: int
) -> list[int | None]:
    results: list[int | None] = [None] * len(arguments)

    def work(start: int) -> None:
        for index in range(start, len(arguments), width):
            results[index] = action(arguments[index])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(width)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_revert_that_takes_longer_says_so_and_goes_on(device: Device) -> None:
    """Exit status 4, not a failure: asked again once the router takes it, it is done."""
    device.stage("t.w1")
    device.guard("arm", "t.w1", "600")
    (device.bin / "down").touch()

    assert device.guard("revert", "t.w1").returncode == 4
    assert device.has("reverting", "t.w1")
    (device.bin / "down").unlink()
    assert device.guard("revert", "t.w1").returncode == 0
    assert device.has("reverted", "t.w1")
