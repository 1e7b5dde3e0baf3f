"""Whoever comes with a link: it is proved, counted, and led into its tenant; everybody else sees the same page."""

from collections.abc import Callable
from dataclasses import dataclass

from billing.domain.tenant import ANONYMOUS
from billing.edge.forms.endpoint import NOT_FOUND, FormCall, FormResponse
from billing.edge.payer.frame import Refusals
from billing.services.access.form_limits import OF_ADDRESS, OF_SESSION
from billing.services.access.oauth import OAuthError
from billing.services.kernel.work import Unit
from billing.services.payer.links import Link, Links, read

Action = Callable[[Unit, Link], FormResponse]


@dataclass(frozen=True, slots=True)
class Doors:
    """Opens links.

    Args:
        kind: the first letters of the ids that these links are for: ``in`` for invoices, ``cus`` for customers.
    """

    links: Links
    refusals: Refusals
    kind: str

    def opened(self, call: FormCall, action: Action) -> FormResponse:
        """What a link leads to; it may have expired, which the action looks at.

        A good link is counted on itself, as an office has one address for all; whoever guesses, on the address. Nobody
        is told whether a tenant, or a thing of its, exists: all that is not good is the same page.

        Raises:
            RateLimited: one of them has called too often.
            OAuthError: the query has something twice, or no text.
        """
        try:
            call.request.query  # noqa: B018 - refused before anything is begun, where it cannot be understood
        except OAuthError:
            call.count_address(OF_ADDRESS)
            raise
        token = call.parameters["token"]
        link = read(token)

        if link is None or not link.subject_id.startswith(f"{self.kind}_"):
            return self._no_such_page(call)

        def led(unit: Unit) -> FormResponse:
            if not self.links.is_genuine(link, token):
                return self._no_such_page(call)
            call.principal = f"payer:{link.subject_id}"
            call.count_session(f"{link.tenant_id} {link.subject_id}", OF_SESSION)
            return action(unit, link)

        try:
            return call.in_unit(link.tenant_id, ANONYMOUS, led, from_anywhere=True)
        except OAuthError:  # there is no such tenant, or it is suspended
            return self._no_such_page(call)

    def _no_such_page(self, call: FormCall) -> FormResponse:
        call.count_address(OF_ADDRESS)
        return self.refusals(call, NOT_FOUND, 404)
