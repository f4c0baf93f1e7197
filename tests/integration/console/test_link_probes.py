"""What the doctor says of link properties is what links then do (`test_shaping`)."""

import pytest

from console.finding import Standing, Wish
from console.link_probes import LINK_PROBES
from foreshadow.errors import ConfigError
from shadow.emulation.lab import LinkShape
from shadow.emulation.shaping_ways import Way, Ways, ways

pytestmark = pytest.mark.netns


def test_the_doctor_names_the_means_this_host_has() -> None:
    """One line: netem for everything, or one means for each property."""
    (probe,) = LINK_PROBES.values()

    finding = probe(Wish())

    means = ways()
    assert finding.standing is Standing.FIT
    for way in {means.rate, means.delay, means.loss}:
        assert way is not Way.NONE
        assert str(way) in finding.found


def test_a_shape_the_host_cannot_give_is_refused_with_what_is_missing() -> None:
    """By property, with the kernel's own words and the remedy."""
    poor = Ways(rate=Way.TBF, delay=Way.NONE, loss=Way.NONE, lacks=("tap relay: no tun device",))

    poor.refuse(LinkShape(rate_bps=1e6))
    with pytest.raises(ConfigError, match=r"delay and loss: tap relay: no tun device; .*sch_netem"):
        poor.refuse(LinkShape(rate_bps=1e6, delay_s=0.1, loss_ratio=0.1))
