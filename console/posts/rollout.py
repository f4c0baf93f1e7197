"""Carries proven candidates through waves, or back."""

import rollout.app
from console.posts.post import Post
from console.serve import require_logins


def serve(post: Post) -> None:
    """Run until stopped."""
    require_logins(post.inventory, path=post.settings.inventory)
    rollout.app.run(post.bus, post.settings, post.clock, post.stop, inventory=post.inventory)
