"""A plan is carried out: injected, verified, measured, undone, judged, sealed.

Begin with `drill.run_experiment`; `conduct` is its timeline, `breakage` the only way in and out of
a fault, `recovery` what happens after a kill.
"""
