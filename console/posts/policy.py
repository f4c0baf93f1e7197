"""Proposes routing policy and has it proven."""

import policy_gen.app
from console.posts.post import Post


def serve(post: Post) -> None:
    """Run until stopped."""
    policy_gen.app.run(
        post.bus,
        post.settings.policy,
        post.clock,
        post.stop,
        routers=post.routers,
        least_fidelity=post.settings.shadow.least_fidelity,
        meter=post.meter,
    )
