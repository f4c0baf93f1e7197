"""A scenario on a network becomes a drill plan: what is picked, when, and what it would do.

Begin with `planner`; `impact` is the routing model's word on a plan.
"""
