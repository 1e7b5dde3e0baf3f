"""The one package that knows which adapter stands behind which port. A function asks it for what it needs.

Everything is made once per process, when a function's module asks for it: a function pays only for what it uses, and
pays at its import. What is made there is in SnapStart's snapshot, so that no first request waits for it: AWS clients
(none of which connects), the shapes of the events that it may emit. Secrets and tenants are read by requests alone.
"""
