"""Webhooks: an event as a signed POST to an endpoint's URL."""

from billing.integrations.webhooks.dial import Dialler
from billing.integrations.webhooks.signing import signature_headers
from billing.services.webhooks.transport import Answer, Parcel

USER_AGENT = "Ledgerline-Webhooks/1.0"


class HttpTransport:
    """A ``services.webhooks.transport.Transport`` to URLs."""

    def __init__(self, dialler: Dialler) -> None:
        self._dialler = dialler

    def send(self, parcel: Parcel) -> Answer:
        """Sign and post; URL and secrets are those of now, whatever they were at the first attempt."""
        assert parcel.endpoint.url is not None, "an endpoint with a bus has another transport"
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": USER_AGENT,
            **signature_headers(parcel.endpoint, parcel.event_id, parcel.body, parcel.at),
        }
        return self._dialler.post(parcel.endpoint.url, headers, parcel.body, loopback=parcel.loopback)
