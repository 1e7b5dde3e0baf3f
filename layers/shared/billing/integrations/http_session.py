"""requests' session to one service, which looks at its process's environment once."""

import os

import requests
from requests.utils import get_environ_proxies


class HttpSession(requests.Session):
    """Goes through the proxies, and trusts the certificates, that the environment names when it is made.

    requests looks for them at each request, with 330 reads of variables, and for a password in ``~/.netrc``, which
    would take the place of our own ``Authorization``.

    Args:
        base_url: of the service; ``NO_PROXY`` may name its host.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.proxies.update(get_environ_proxies(base_url))
        self.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        self.trust_env = False
