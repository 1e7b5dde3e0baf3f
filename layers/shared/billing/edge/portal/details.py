"""Whom documents are made out to: name, address, mail address and tax id, changed by the customer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from billing.domain.customers.customer import Address
from billing.domain.kernel.errors import VersionMismatch
from billing.domain.portal import Feature
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.portal.agreements import version_again, version_of, version_shown, without_version
from billing.edge.portal.doors import Form, PortalDoors, Refused, led_to
from billing.edge.portal.visit import DETAILS, Visit
from billing.services.customers import profiles

Reader = Callable[[Mapping[str, str]], dict[str, object]]
"""Gives the changes of a customer that a form asks for, or raises ``ValidationFailed`` naming what is wrong."""
_FIELDS = (
    ("name", "portal_name", "name"),
    ("email", "portal_email", "email"),
    ("address.line1", "portal_line1", "address-line1"),
    ("address.line2", "portal_line2", "address-line2"),
    ("address.postalCode", "portal_postal_code", "postal-code"),
    ("address.city", "portal_city", "address-level2"),
    ("address.state", "portal_region", "address-level1"),
    ("address.country", "portal_country", "country"),
    ("taxId", "portal_tax_id", "off"),
)
"""By their names in the API: label, and what a browser may fill in."""


@dataclass(frozen=True, slots=True)
class DetailPages:
    """The handlers."""

    doors: PortalDoors
    read: Reader

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", DETAILS, lambda call: self.doors.shown(call, Feature.DETAILS, self._page))
        api.route("POST", DETAILS, self.save)

    def save(self, call: FormCall) -> FormResponse:
        """Keep what was entered."""

        def saved(visit: Visit, form: Form) -> str:
            shown = version_of(form)
            after = profiles.update(visit.unit, visit.customer.id, self.read(without_version(form)))
            if after.version != shown + 1:
                raise VersionMismatch("The customer has another version by now")
            return led_to(DETAILS, "details")

        def again(visit: Visit, form: Form, wrong: Refused) -> FormResponse:
            return self._page(visit, form, wrong)

        return self.doors.acted(call, Feature.DETAILS, saved, again)

    def _page(self, visit: Visit, form: Form | None = None, wrong: Refused | None = None) -> FormResponse:
        # Where somebody else has changed them meanwhile, those are shown: what was entered would undo it.
        stale = wrong is not None and wrong.status == VersionMismatch.status
        values, shown = _now(visit), version_shown(visit.customer.version)
        if form is not None and not stale:
            values, shown = form, version_again(form)
        bad = wrong.fields if wrong else {}
        fields = "".join(
            _field(visit, name, label, filled, values.get(name, ""), bad) for name, label, filled in _FIELDS
        )
        button = f'<p class="acts"><button type="submit">{visit.word("portal_save")}</button></p>'
        content = f"<p>{visit.word('portal_details_text')}</p>{visit.form(DETAILS, fields + button, shown)}"
        said, status = (wrong.said, wrong.status) if wrong else ("", 200)
        return visit.page(visit.language["portal_details"], content, wrong=said, status=status)


def _field(visit: Visit, name: str, label: str, filled: str, value: str, bad: Mapping[str, str]) -> str:
    wrong = next((reason for field, reason in bad.items() if field == name), None)
    hints = [visit.word("portal_country_hint")] if name == "address.country" else []
    if wrong is not None:
        hints.insert(0, visit.word("portal_field_missing" if wrong == "too_short" else "portal_field_wrong"))
    hint = f'<div id="{name}-hint" class="quiet">{" ".join(hints)}</div>' if hints else ""
    state = f' aria-describedby="{name}-hint"' * bool(hints) + ' aria-invalid="true"' * (wrong is not None)
    required = " required" if name == "name" else ""
    return (
        f'<label for="{name}">{visit.word(label)}</label>{hint}'
        f'<input id="{name}" name="{name}" autocomplete="{filled}" value="{escape(value)}"{state}{required}>'
    )


def _now(visit: Visit) -> Form:
    customer = visit.customer
    address = customer.address or Address()
    found = {
        "name": customer.name,
        "email": customer.email,
        "address.line1": address.line1,
        "address.line2": address.line2,
        "address.postalCode": address.postal_code,
        "address.city": address.city,
        "address.state": address.state,
        "address.country": address.country,
        "taxId": customer.tax_id,
    }
    return {name: value for name, value in found.items() if value}
