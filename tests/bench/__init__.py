"""`make bench`: what the gateway costs, next to a direct connection and to nginx.

Everything is Python and runs on loopback: an upstream that sends replies of the simulator, written
out beforehand (`upstream.py`), clients (`load.py`), and between them nothing, nginx or the gateway
(`targets.py`), each a process of its own. A *lane* (`lanes.py`) is one kind of traffic. What is
measured is the CPU time of the target's processes, divided by the events the upstream sent; rounds
are interleaved, medians are quoted, and only ratios within one run mean anything.
"""
