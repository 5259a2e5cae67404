"""Recordings of single requests, so that a bug report is a file, and playing them again.

While a request runs nothing but references is kept (`recording.py`); when it is over a thread
takes out keys and home paths (`redaction.py`), writes the lines (`lines.py`) and keeps the
directory small (`directory.py`). `replay.py` runs a file through the code of today.
"""
