"""The one package that knows which adapter stands behind which port. A function asks it for what it needs.

Everything is made once per process and lazily, so that a function pays only for what it uses.
"""
