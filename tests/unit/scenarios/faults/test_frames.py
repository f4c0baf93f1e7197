"""What a link did to frames, from when they were sent and when they came out."""

import pytest

from scenarios.faults.frames import Passage


def test_a_passage_counts_loss_and_takes_the_shortest_delay() -> None:
    """Queues and a busy host only make frames later, never earlier."""
    passage = Passage(
        size_bytes=60, sent_s=[1.0, 1.1, 1.2, 1.3], arrived_s={0: 1.05, 2: 1.23, 3: 1.36}
    )

    assert passage.lost == 1
    assert passage.delay_s == pytest.approx(0.03)


def test_a_rate_is_read_after_the_bucket_is_empty() -> None:
    """The first third came at once; the rest one every millisecond, 8 kbit each."""
    burst = dict.fromkeys(range(10), 5.0)
    steady = {number: 5.0 + 0.001 * (number - 9) for number in range(10, 30)}
    passage = Passage(size_bytes=1000, sent_s=[5.0] * 30, arrived_s=burst | steady)

    assert passage.rate_bps == pytest.approx(8e6)


def test_nothing_that_arrived_has_no_delay_and_no_rate() -> None:
    """Nothing is said of what was not seen."""
    passage = Passage(size_bytes=60, sent_s=[1.0, 2.0])

    assert (passage.lost, passage.delay_s) == (2, float("inf"))
    assert passage.rate_bps == float("inf")
