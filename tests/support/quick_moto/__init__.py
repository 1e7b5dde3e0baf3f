"""The same moto, quicker: more than half of what the integration tests take is moto's own work, much of it done anew.

Nothing here changes an answer (tests/unit/support/test_quick_moto.py); each part is one that moto does from scratch:

- ``requests``: a request is put into the form of a web server's and taken apart again, and the answer alike.
- ``transactions``: every item of a transaction's tables is copied, to be put back where it fails.
- ``expressions``: conditions and updates are parsed several times a request, whoever wrote the same before.
- ``updates``: an update's tree is copied and walked several times, however simple the update is.
- ``items``: a value is wrapped and unwrapped for each comparison, a new item weighed again for each attribute.
"""

from tests.support.quick_moto import expressions, items, requests, transactions

_done: list[bool] = []


def quicken() -> None:
    """Have moto of this process remember; once is enough, and more often does no harm."""
    if not _done:
        _done.append(True)
        for part in (requests, transactions, expressions, items):
            part.quicken()
