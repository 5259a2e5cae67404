"""`anthropic-proxy connect TOOL`: the exact settings of a tool, from the running gateway.

`gateway.py` asks what runs; `facts.py` makes of it what every tool needs; `tools.py` is the table
of tools, each with a small function that turns facts into a `Setup`; `render.py` prints one,
`files.py` and `writing.py` bring it into the tool's own file.
"""
