"""Owns the labs: the mirror that follows, the bench that is broken."""

import shadow.app
from console.posts.post import Post
from scenarios.drill import run_experiment


def serve(post: Post) -> None:
    """Run until stopped."""
    shadow.app.run(
        post.bus,
        post.settings,
        post.clock,
        post.stop,
        routers=post.routers,
        experiment=run_experiment,
    )
