"""The desk: where what the house says about itself comes together, and is shown on the web.

Low rates, timers and web pages: what faust is good at (`docs/adr/0005`). It owns nothing and steers
nothing, so it may be killed, or left out.
"""
