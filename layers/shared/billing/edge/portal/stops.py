"""Pause, resume, cancel, and take it back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from billing.domain.catalog.plan import Plan
from billing.domain.kernel.errors import BillingError, ValidationFailed
from billing.domain.kernel.times import EARLIEST, TOO_LATE
from billing.domain.portal import Feature
from billing.domain.subscriptions.subscription import Subscription
from billing.edge.forms.endpoint import FormApi, FormCall, FormResponse
from billing.edge.portal.agreements import agreed_to, sums_shown, version_shown
from billing.edge.portal.doors import Form, PortalDoors, Refused, led_to, refused
from billing.edge.portal.prices import foreseen
from billing.edge.portal.visit import HOME, Visit
from billing.services.invoicing.expected import ExpectedSums
from billing.services.payer.contents import Writer
from billing.services.portal import overview
from billing.services.portal.acts import PortalActs

_AT = "/portal/subscriptions/{id}"
PAUSE, RESUME, CANCEL = f"{_AT}/pause", f"{_AT}/resume", f"{_AT}/cancel"
_UNTIL, _WHEN = "until", "when"
_PERIOD_END, _NOW = "period_end", "now"
Page = Callable[[Visit, Subscription, Plan, Refused | None], FormResponse]
Again = Callable[[Visit, Form, Refused], FormResponse]


@dataclass(frozen=True, slots=True)
class StopPages:
    """The handlers."""

    doors: PortalDoors
    acts: PortalActs
    writer: Writer

    def add_to(self, api: FormApi) -> None:
        """Add the routes."""
        api.route("GET", PAUSE, lambda call: self._shown(call, Feature.PAUSE, self._pause_page))
        api.route("POST", PAUSE, self.pause)
        api.route("GET", RESUME, lambda call: self._shown(call, Feature.PAUSE, self._resume_page))
        api.route("POST", RESUME, self.resume)
        api.route("GET", CANCEL, lambda call: self._shown(call, Feature.CANCEL, self._cancel_page))
        api.route("POST", CANCEL, self.cancel)

    def pause(self, call: FormCall) -> FormResponse:
        """Pause, until a day where one is said."""

        def paused(visit: Visit, form: Form) -> str:
            until = _day(form.get(_UNTIL, ""), visit.customer.timezone)
            self.acts.pause(visit.unit, visit.customer, _id(call), until)
            return led_to(HOME, "paused")

        return self.doors.acted(call, Feature.PAUSE, paused, self._again(call, self._pause_page))

    def resume(self, call: FormCall) -> FormResponse:
        """Resume, or take a cancellation back."""

        def resumed(visit: Visit, form: Form) -> str:
            subscription, _ = overview.own_subscription(visit.unit, visit.customer, _id(call))
            self.acts.resume(visit.unit, visit.terms, visit.customer, subscription.id, agreed_to(form))
            return led_to(HOME, "kept" if subscription.paused_at is None else "resumed")

        return self.doors.acted(call, None, resumed, self._again(call, self._resume_page))

    def cancel(self, call: FormCall) -> FormResponse:
        """Cancel."""

        def canceled(visit: Visit, form: Form) -> str:
            when = form.get(_WHEN, "")
            if when not in (_PERIOD_END, _NOW):
                raise ValidationFailed.of(_WHEN, "not_one_of_the_allowed_values")
            self.acts.cancel(visit.unit, visit.terms, visit.customer, _id(call), when == _PERIOD_END)
            return led_to(HOME, "ends" if when == _PERIOD_END else "canceled")

        return self.doors.acted(call, Feature.CANCEL, canceled, self._again(call, self._cancel_page))

    def _shown(self, call: FormCall, feature: Feature, page: Page) -> FormResponse:
        def show(visit: Visit) -> FormResponse:
            return page(visit, *overview.own_subscription(visit.unit, visit.customer, _id(call)), None)

        return self.doors.shown(call, feature, show)

    def _again(self, call: FormCall, page: Page) -> Again:
        def again(visit: Visit, form: Form, wrong: Refused) -> FormResponse:
            return page(visit, *overview.own_subscription(visit.unit, visit.customer, _id(call)), wrong)

        return again

    def _pause_page(self, visit: Visit, subscription: Subscription, plan: Plan, wrong: Refused | None) -> FormResponse:
        bad = bool(wrong and "resumesAt" in wrong.fields)
        field = (
            f'<label for="{_UNTIL}">{visit.word("portal_pause_until")}</label>'
            f'<input id="{_UNTIL}" name="{_UNTIL}" type="date"{" aria-invalid=true" * bad}>'
        )
        button = f'<p class="acts"><button type="submit">{visit.word("portal_pause")}</button></p>'
        text = visit.word(f"portal_pause_{plan.pause_billing.value}")
        form = visit.form(f"/portal/subscriptions/{subscription.id}/pause", field + button)
        return _page(visit, "portal_pause_title", plan, f"<p>{text}</p>{form}", wrong)

    def _resume_page(self, visit: Visit, subscription: Subscription, plan: Plan, wrong: Refused | None) -> FormResponse:
        shown, hidden = "", version_shown(subscription.version)
        if subscription.paused_at is not None:
            try:
                invoice = self.acts.resuming(visit.unit, subscription).invoice
            except BillingError as error:  # what was refused before says more than that it is so again
                return _page(visit, "portal_resume_title", plan, "", wrong or refused(visit.language, error))
            bills = invoice.lines and not invoice.total.is_zero
            shown = foreseen(visit, self.writer, invoice) if bills else f"<p>{visit.word('portal_pay_none')}</p>"
            hidden |= sums_shown(ExpectedSums(invoice.total.micros, invoice.amount_due.micros))
        button = f'<p class="acts"><button type="submit">{visit.word("portal_resume")}</button></p>'
        form = visit.form(f"/portal/subscriptions/{subscription.id}/resume", button, hidden)
        return _page(visit, "portal_resume_title", plan, shown + form, wrong)

    def _cancel_page(self, visit: Visit, subscription: Subscription, plan: Plan, wrong: Refused | None) -> FormResponse:
        end = visit.language.date(subscription.current_period.end)
        ways = [(_PERIOD_END, visit.word("portal_cancel_at_end", date=end)), (_NOW, visit.word("portal_cancel_now"))]
        allowed = [(value, text) for value, text in ways if visit.terms.cancel.allows(value == _PERIOD_END)]
        options = "".join(
            f'<p><label><input type="radio" name="{_WHEN}" value="{value}"{" checked" * (n == 0)}> {text}</label></p>'
            for n, (value, text) in enumerate(allowed)
        )
        legend = f"<legend>{visit.word('portal_cancel_when')}</legend>"
        button = f'<p class="acts"><button type="submit">{visit.word("portal_cancel")}</button></p>'
        fields = f"<fieldset>{legend}{options}</fieldset>{button}"
        form = visit.form(f"/portal/subscriptions/{subscription.id}/cancel", fields)
        return _page(visit, "portal_cancel_title", plan, form, wrong)


def _page(visit: Visit, title: str, plan: Plan, content: str, wrong: Refused | None) -> FormResponse:
    back = f'<p><a href="{HOME}">{visit.word("portal_home")}</a></p>'
    said, status = (wrong.said, wrong.status) if wrong else ("", 200)
    return visit.page(visit.language[title].format(plan=plan.name), content + back, wrong=said, status=status)


def _day(text: str, timezone: str) -> datetime | None:
    """The beginning of a day where the customer is; None for none."""
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise ValidationFailed.of("resumesAt", "invalid_format") from None
    if not EARLIEST.date() <= day < TOO_LATE.date():
        raise ValidationFailed.of("resumesAt", "out_of_range")
    return datetime.combine(day, time(), ZoneInfo(timezone))


def _id(call: FormCall) -> str:
    return call.parameters["id"]
