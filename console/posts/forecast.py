"""Learns every link's load and warns of peaks."""

import forecast.app
from console.posts.post import Post


def serve(post: Post) -> None:
    """Run until stopped."""
    forecast.app.run(
        post.bus,
        post.settings.forecast,
        post.clock,
        post.stop,
        load_limit=post.settings.policy.load_limit,
        routers=post.routers,
    )
