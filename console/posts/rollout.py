"""Carries proven candidates through waves, or back."""

import rollout.app
from console.posts.post import Post


def serve(post: Post) -> None:
    """Run until stopped."""
    rollout.app.run(post.bus, post.settings, post.clock, post.stop, inventory=post.inventory)
