"""`oidc-provider-mock` as a process of its own: `python -W ignore -m tests.e2e.provider PORT AUDIENCE`.

Its access tokens are opaque, as most providers' are unless an API is registered there. With a setting of Authlib's it
issues what such a provider issues for an API (RFC 9068). It is written for an earlier Authlib, hence `-W ignore`.
"""

import os
import sys
import time
import uuid
from typing import Any

HOST = "127.0.0.1"
LIFE_S = 600


def main() -> None:
    """Serve until terminated; the key is made anew at each start."""
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback has no TLS
    import flask
    import oidc_provider_mock
    from authlib.jose import jwt

    port, audience = int(sys.argv[1]), sys.argv[2]

    def access_token(client: Any, grant_type: str, user: Any, scope: str) -> str:
        now = int(time.time())
        claims = {
            "iss": f"http://{HOST}:{port}",
            "aud": audience,
            "sub": user.sub,
            "client_id": client.get_client_id(),
            "iat": now,
            "exp": now + LIFE_S,
            "jti": uuid.uuid4().hex,
            "scope": scope,
        }
        key = flask.g.oidc_provider_mock_storage.jwk
        header = {"alg": "RS256", "typ": "at+jwt", "kid": key.as_dict()["kid"]}
        made: bytes = jwt.encode(header, claims, key)
        return made.decode()

    app = flask.Flask(__name__)
    app.config["OAUTH2_ACCESS_TOKEN_GENERATOR"] = access_token
    oidc_provider_mock.init_app(app)
    app.run(HOST, port, debug=False, threaded=True)


if __name__ == "__main__":
    main()
