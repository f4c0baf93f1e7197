"""What an engineer writes: the scenario file, what is wrong with one, and what it says.

Begin with `scenario_file`; `lint` and `explain` read the same document.
"""
