"""Learns every link's load and warns of peaks."""

import forecast.app
from console.posts.post import Post


def serve(post: Post) -> None:
    """Run until stopped."""
    settings = post.settings
    beside = settings.run_dir / f"forecast.{settings.bus.topic_prefix}.checkpoint"
    forecast.app.run(
        post.bus,
        settings.forecast,
        post.clock,
        post.stop,
        load_limit=settings.policy.load_limit,
        routers=post.routers,
        meter=post.meter,
        checkpoint_file=settings.forecast.checkpoint_file or beside,
    )
