"""`anthropic-proxy doctor`: finds out what is wrong, and says how to put it right.

An examination is a sequence of probes, one after the other, each bounded in time; each gives a
`Finding`. `local.py` looks at this machine, `network.py` at the way to z.ai, `keys.py` at the key
and its plan, `content.py` at what models answer. `examination.py` has the order.
"""
