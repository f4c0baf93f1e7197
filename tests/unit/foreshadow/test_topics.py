"""Topics: two runs on one broker never meet, and hot ones have room."""

from foreshadow.topics import SPECS, Topic


def test_two_runs_never_share_a_topic() -> None:
    """The run's id comes first, the version last."""
    names = {topic.under(run) for topic in Topic for run in ("fs3fa9c1", "fs0b12aa")}

    assert len(names) == 2 * len(Topic)
    assert Topic.STATE.under("fs3fa9c1") == "fs3fa9c1.state.v1"


def test_every_topic_is_created_once_and_the_hot_ones_in_parts() -> None:
    """Order is kept per key, so only telemetry, state and rates are split."""
    hot = {Topic.TELEMETRY, Topic.STATE, Topic.METRICS}

    assert sorted(spec.topic for spec in SPECS) == sorted(Topic)
    assert {spec.topic for spec in SPECS if spec.partitions > 1} == hot
