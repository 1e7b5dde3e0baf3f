"""Issue 11, items 1, 11, 12 and 23, through the API: June is paid once and comes back once, whatever takes it back."""

from collections.abc import Callable
from typing import Any

import pytest

from billing.services.invoicing import giving_back
from billing.services.invoicing.credit_notes import CreditNotes
from tests.integration.invoices import balance_of
from tests.integration.payer import intent, open_invoice, pay, payment_of
from tests.integration.steps import advance, books, flat
from tests.integration.subscriptions.test_changes import newest, patch
from tests.integration.subscriptions.test_nothing_from_nothing import decline
from tests.integration.world import Answer, Json, Tenant, World

JUNE, HALF_WAY, JULY = "2026-06-01T00:00:00Z", "2026-06-16T00:00:00Z", "2026-07-01T00:00:00Z"
AUGUST = "2026-08-01T00:00:00Z"
EXCEEDS = (422, "billing.refund.exceeds_available")


class Account:
    """A customer on a clock, with a subscription of 100.00 a month since 1 June and its first invoice."""

    def __init__(self, world: World, tenant: Tenant, at: str, cents: int = 10_000, **fields: Any) -> None:
        self.world, self.tenant = world, tenant
        self.clock = tenant.post("/v1/test-clocks", {"frozenTime": JUNE}).data["id"]
        self.customer = tenant.customer(testClockId=self.clock)
        for name, price in (("hundred", cents), ("fifty", 5_000), ("free", 0)):
            flat(tenant, name, price)
        made = tenant.subscribe(planId="hundred", quantities={}, customerId=self.customer, **fields)
        self.subscription, self.june = made["id"], made["latestInvoiceId"]
        self.payment = self.invoice(self.june)["latestPaymentId"]
        if at != JUNE:
            self.advance(at)

    def advance(self, to: str) -> None:
        advance(self.world, self.tenant, self.clock, to)

    def invoice(self, invoice_id: str) -> Json:
        return dict(self.tenant.get(f"/v1/invoices/{invoice_id}").data)

    def newest(self) -> Json:
        return newest(self.tenant, self.subscription)

    def patch(self, **fields: Any) -> Json:
        return patch(self.tenant, self.subscription, **fields)

    def cancel(self) -> Answer:
        path = f"/v1/subscriptions/{self.subscription}/cancel"
        return self.tenant.post(path, {"prorationBehavior": "create_prorations"})

    def note(self, amount: int, invoice: str | None = None) -> Answer:
        return self.tenant.post(f"/v1/invoices/{invoice or self.june}/credit-notes", {"amount": amount})

    def refund(self, **body: Any) -> Answer:
        return self.tenant.post(f"/v1/payments/{self.payment}/refund", body)

    def void(self, invoice: str) -> Answer:
        return self.tenant.post(f"/v1/invoices/{invoice}/void")

    def cancel_plainly(self) -> Answer:
        return self.tenant.post(f"/v1/subscriptions/{self.subscription}/cancel", {})

    @property
    def on_the_card(self) -> int:
        return int(payment_of(self.tenant, {"id": self.payment})["amountRefunded"])

    @property
    def came_back(self) -> int:
        """What the customer has of June again: in the balance (after all that waits is billed), and on the card."""
        shown = self.tenant.get(f"/v1/subscriptions/{self.subscription}").data
        if shown["pendingLineCount"] and shown["state"] == "paused":
            self.cancel_plainly()
        elif shown["pendingLineCount"]:
            self.patch(prorationBehavior="invoice_now")
        return balance_of(self.tenant, self.customer) + self.on_the_card


def patient(world: World) -> Tenant:
    """A tenant whose subscriptions outlive an unpaid invoice."""
    return world.tenant(dunning={"scheduleDays": [2], "action": "left"})


Act = Callable[[Account], object]
CREDITS: dict[str, Act] = {
    "downgrade, waiting": lambda a: a.patch(planId="free"),
    "downgrade, billed": lambda a: a.patch(planId="free", prorationBehavior="invoice_now"),
    "pause": lambda a: a.patch(paused=True),
    "pause, billed": lambda a: a.patch(paused=True, prorationBehavior="invoice_now"),
    "cancel": Account.cancel,
}


@pytest.mark.parametrize("at", [JUNE, HALF_WAY])
@pytest.mark.parametrize("credit", CREDITS)
@pytest.mark.parametrize("first", [True, False])
def test_11_1_june_comes_back_once_by_a_credit_and_a_refund(
    world: World, tenant: Tenant, at: str, credit: str, first: bool
) -> None:
    """In whichever order: 100.00 in all, of 100.00. And then nothing more, by no way."""
    account = Account(world, tenant, at)
    for act in (CREDITS[credit], Account.refund) if first else (Account.refund, CREDITS[credit]):
        answer = act(account)
        if isinstance(answer, Answer) and (at, act) == (JUNE, Account.refund) and first:
            assert (answer.status, answer.error["code"]) == EXCEEDS  # all of it is given back already
    assert account.came_back == 10_000_000
    for more in (account.refund(), account.refund(amount=100_000), account.note(100_000)):
        assert (more.status, more.error["code"]) == EXCEEDS
    sums, card = books(world, tenant), account.on_the_card
    found = [sums.get(each, 0) for each in ("receivable", "revenue", "cash", "customer_balance")]
    assert found == [0, 0, 10_000_000 - card, card - 10_000_000]


def test_11_1_what_waits_is_not_left_for_a_credit_note(world: World, tenant: Tenant) -> None:
    """The reported case: half of June waits for the next invoice, so a note takes 50.00, and not 100.00."""
    account = Account(world, tenant, HALF_WAY)
    account.patch(planId="free")
    above = account.note(10_000_000)
    assert ((above.status, above.error["code"]), above.bad_fields) == (EXCEEDS, {"amount": "above_what_is_left"})
    assert account.note(5_000_000).status == 201
    assert account.came_back == 10_000_000


@pytest.mark.parametrize("note", [3_000_000, 5_000_000, 8_000_000])
def test_11_1_a_part_that_was_credited_first_leaves_the_rest_to_the_change(
    world: World, tenant: Tenant, note: int
) -> None:
    """30.00 credited, then half of June: 80.00, as it is the other way round; 80.00 credited first leave 20.00."""
    account = Account(world, tenant, HALF_WAY)
    assert account.note(note).status == 201
    preview = tenant.post(f"/v1/subscriptions/{account.subscription}/preview", {"planId": "free"}).data
    account.patch(planId="free", prorationBehavior="invoice_now")
    assert account.newest()["total"] == preview["total"] == -min(5_000_000, 10_000_000 - note)
    assert account.came_back == min(10_000_000, note + 5_000_000)


def test_11_1_nothing_is_left_to_give_back_of_what_the_bank_has_taken(world: World, tenant: Tenant) -> None:
    """Half of June is 50.00: 20.00 that the bank left, and once it has given the 80.00 back, 30.00 more."""
    account = Account(world, tenant, HALF_WAY)
    intent = payment_of(tenant, {"id": account.payment})["paymentIntentId"]
    dispute = world.sandbox.post(f"charges/{intent}/dispute", amount=8_000)
    world.deliver_all(tenant)
    account.patch(paused=True, prorationBehavior="invoice_now")
    assert balance_of(tenant, account.customer) == 2_000_000
    world.sandbox.post(f"disputes/{dispute['id']}/close", status="won")
    world.deliver_all(tenant)
    assert (account.note(5_001_000).status, account.note(5_000_000).status) == (422, 201)


def test_11_1_of_an_unpaid_invoice_the_credit_comes_off_once(world: World) -> None:
    """July open, half of it given back: 50.00 are due and can be credited; then nothing is, and nobody has money."""
    tenant = patient(world)
    account = Account(world, tenant, HALF_WAY)
    decline(world, tenant, account.subscription)
    account.advance(JULY)
    account.advance("2026-07-16T12:00:00Z")  # the middle of its 31 days
    july = account.newest()
    assert (july["status"], july["amountDue"]) == ("open", 10_000_000)
    account.patch(planId="free", prorationBehavior="invoice_now")
    due = account.invoice(july["id"])["amountDue"]
    assert due == 5_000_000
    assert account.note(due + 1_000, july["id"]).status == 422
    assert account.note(due, july["id"]).status == 201
    after = account.invoice(july["id"])
    assert (after["status"], after["amountDue"], balance_of(tenant, account.customer)) == ("paid", 0, 0)


def test_11_1_two_at_once_meet_at_the_invoice(world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note is issued while a change is being decided: the change looks again, and gives back what is left."""
    account = Account(world, tenant, HALF_WAY)
    original, notes = giving_back.limited, []

    def slowly(*args: Any) -> Any:
        if not notes:
            notes.append(account.note(9_000_000).status)
        return original(*args)

    monkeypatch.setattr(giving_back, "limited", slowly)
    account.patch(planId="free", prorationBehavior="invoice_now")
    assert notes == [201]
    assert account.newest()["total"] == -1_000_000
    assert account.came_back == 10_000_000


def test_11_1_what_has_no_tax_yet_is_given_back_with_the_tax_that_it_gets(world: World) -> None:
    """July waits for its tax, and half of it is given back meanwhile: of 120.00 a note takes the other 60.00."""
    tenant = world.tenant(taxProvider="builtin", address={"country": "DE", "city": "Berlin"})
    clock = tenant.post("/v1/test-clocks", {"frozenTime": JUNE}).data["id"]
    customer = tenant.customer(testClockId=clock, address={"country": "FR"})
    flat(tenant, "hundred", 10_000)
    flat(tenant, "free", 0)
    subscription = tenant.subscribe(planId="hundred", quantities={}, customerId=customer)["id"]
    tenant.patch(f"/v1/customers/{customer}", {"address": None})
    advance(world, tenant, clock, "2026-07-16T12:00:00Z")
    (waiting,) = [each for each in tenant.get("/v1/invoices", subscription=subscription).data if each["taxWaits"]]
    patch(tenant, subscription, planId="free")
    tenant.patch(f"/v1/customers/{customer}", {"address": {"country": "FR"}})
    advance(world, tenant, clock, "2026-07-18T00:00:00Z")
    july = tenant.get(f"/v1/invoices/{waiting['id']}").data
    assert (july["status"], july["total"]) == ("paid", 12_000_000)
    path = f"/v1/invoices/{july['id']}/credit-notes"
    assert [tenant.post(path, {"amount": each}).status for each in (6_001_000, 6_000_000)] == [422, 201]
    patch(tenant, subscription, prorationBehavior="invoice_now")
    credit = newest(tenant, subscription)
    assert (credit["total"], credit["tax"], balance_of(tenant, customer)) == (-6_000_000, -1_000_000, 12_000_000)
    sums = books(world, tenant)
    assert (sums["revenue"], sums["tax_payable"]) == (-10_000_000, -2_000_000)  # June's alone


# Item 11


def test_11_11_a_refund_that_names_nothing_is_of_what_can_be(world: World, tenant: Tenant) -> None:
    """1,000.00 paid, 300.00 credited to the balance: 700.00 go back."""
    account = Account(world, tenant, HALF_WAY, cents=100_000)
    assert account.note(30_000_000).status == 201
    made = account.refund()
    assert (made.status, made.data["amount"], made.data["status"]) == (201, 70_000_000, "succeeded")
    again = account.refund()
    assert ((again.status, again.error["code"]), again.bad_fields) == (EXCEEDS, {"amount": "nothing_left"})


# Item 12


def test_11_12_voiding_a_renewal_takes_no_money(world: World, tenant: Tenant) -> None:
    """July's invoice gives half of June back, and is void; August's gives it back, and nothing of July."""
    account = Account(world, tenant, HALF_WAY)
    account.patch(planId="fifty")
    decline(world, tenant, account.subscription)
    account.advance(JULY)
    july = account.newest()
    assert (july["status"], july["total"]) == ("open", 5_000_000 + 2_500_000 - 5_000_000)
    assert account.void(july["id"]).status == 200
    shown = tenant.get(f"/v1/subscriptions/{account.subscription}").data
    assert (shown["state"], shown["pendingLineCount"]) == ("active", 1)
    assert account.note(5_001_000).status == 422  # what waits again is given back still
    decline(world, tenant, account.subscription, None)
    account.advance(AUGUST)
    august = account.newest()
    assert [line["amount"] for line in august["lines"]] == [-5_000_000, 5_000_000]
    assert (august["status"], august["total"]) == ("paid", 0)


def test_11_12_of_a_subscription_that_has_ended_the_credit_is_billed_at_once(world: World, tenant: Tenant) -> None:
    """Its last invoice bills more than it gives back, and is void: what it gave back goes to the balance."""
    account = Account(world, tenant, HALF_WAY)
    account.patch(planId="fifty")
    decline(world, tenant, account.subscription)
    flat(tenant, "dear", 90_000)
    account.patch(planId="dear")
    account.cancel_plainly()
    last = account.newest()
    assert (last["status"], last["total"] > 0) == ("open", True)
    assert account.void(last["id"]).status == 200
    credit = account.newest()
    assert [line["amount"] for line in credit["lines"]] == [-5_000_000]
    assert (credit["status"], credit["total"], balance_of(tenant, account.customer)) == ("paid", -5_000_000, 5_000_000)
    assert books(world, tenant)["receivable"] == 0


def test_11_12_what_was_given_back_elsewhere_is_not_voided(world: World) -> None:
    """July unpaid, half of it given back on August's invoice: void, it would be a gift."""
    tenant = patient(world)
    account = Account(world, tenant, HALF_WAY)
    decline(world, tenant, account.subscription)
    account.advance(JULY)
    july = account.newest()["id"]
    account.advance("2026-07-05T00:00:00Z")
    account.patch(planId="fifty")
    account.advance(AUGUST)
    august = account.newest()["id"]
    assert august != july
    refused = account.void(july)
    assert (refused.status, refused.error["code"]) == (409, "invoice.invalid_state")
    assert account.void(august).status == 200
    assert account.void(july).status == 200
    assert balance_of(tenant, account.customer) == 0


# Item 14


def test_11_14_what_was_read_of_two_moments_is_not_tried(
    world: World, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payer pays between the two reads of a credit note: it is read again, and goes to the balance; one commit."""
    invoice = open_invoice(tenant)
    form = intent(tenant, invoiceId=invoice["id"])
    original, paid = CreditNotes._load, []

    def meanwhile(*args: Any) -> Any:
        if not paid:
            paid.append(pay(world, form))
            world.deliver_all(tenant)
        return original(*args)

    monkeypatch.setattr(CreditNotes, "_load", meanwhile)
    world.writes.clear()
    note = tenant.post(f"/v1/invoices/{invoice['id']}/credit-notes", {"amount": 1_000_000})
    assert (note.status, paid, note.data["toInvoice"], note.data["toBalance"]) == (201, [200], 0, 1_000_000)
    tables = [tables for _, tables in world.writes if world.tables["credit_notes"] in tables]
    assert len(tables) == 1


def test_11_14_what_a_bank_sent_back_of_a_refund_at_stripe_can_be_credited_again(world: World, tenant: Tenant) -> None:
    account = Account(world, tenant, HALF_WAY)
    intent = payment_of(tenant, {"id": account.payment})["paymentIntentId"]
    made = world.sandbox.post(f"payment_intents/{intent}/refund", amount=8_000)
    world.deliver_all(tenant)
    assert account.note(3_000_000).status == 422
    world.sandbox.post(f"refunds/{made['id']}/finish", succeed=False)
    world.deliver_all(tenant)
    assert account.note(10_000_000).status == 201
    assert balance_of(tenant, account.customer) == 10_000_000


# Item 23


def test_11_23_a_disputed_payment_says_that_it_is_disputed(world: World, tenant: Tenant) -> None:
    account = Account(world, tenant, HALF_WAY)
    intent = payment_of(tenant, {"id": account.payment})["paymentIntentId"]
    world.sandbox.post(f"charges/{intent}/dispute", amount=2_000)
    world.deliver_all(tenant)
    for answer in (account.refund(), account.refund(amount=1_000_000)):
        assert ((answer.status, answer.error["code"]), answer.bad_fields) == (EXCEEDS, {"amount": "disputed"})
        assert "disputed" in answer.error["message"]
    path = f"/v1/invoices/{account.june}/credit-notes"
    note = tenant.post(path, {"amount": 1_000_000, "refund": True})
    assert ((note.status, note.error["code"]), note.bad_fields) == (EXCEEDS, {"refund": "disputed"})
