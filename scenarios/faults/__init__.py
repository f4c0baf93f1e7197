"""What may fail: done to a lab, seen to be done, undone, and seen to be gone.

`fault` says what every fault is; each other module is one of them.
"""
