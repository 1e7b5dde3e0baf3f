"""Issue 17, item 6: what is issued on a test clock is numbered in the clock's own series."""

from dataclasses import replace

from billing.bootstrap import storage
from billing.domain.clocks import series
from billing.domain.invoicing.invoice import Invoice
from billing.services.kernel.work import Ref
from tests.integration.steps import START, advance
from tests.integration.world import Tenant, World


def _clock(tenant: Tenant, at: str = START) -> tuple[str, str]:
    """A clock and a customer on it."""
    clock = tenant.post("/v1/test-clocks", {"frozenTime": at}).data["id"]
    return clock, tenant.customer(testClockId=clock)


def _number(tenant: Tenant, **subscription: str) -> str:
    invoice = tenant.subscribe(**subscription)["latestInvoiceId"]
    found: str = tenant.get(f"/v1/invoices/{invoice}").data["number"]
    return found


def _credit(tenant: Tenant, number: str) -> str:
    invoice = tenant.only_invoice(number=number)["id"]
    made = tenant.post(f"/v1/invoices/{invoice}/credit-notes", {"amount": 1_000_000, "reason": "goodwill"})
    assert made.status == 201, made.json
    found: str = made.data["number"]
    return found


def test_17_the_tenants_own_series_has_no_gap_and_no_jump_beside_two_clocks(world: World, tenant: Tenant) -> None:
    """Real, clock, real, other clock, renewals on a clock, real: 1, 2, 3 for the real ones, by their dates."""
    one, first = _clock(tenant)
    two, second = _clock(tenant, "2029-05-01T00:00:00Z")
    real = tenant.customer()
    numbers = [_number(tenant, customerId=each) for each in (real, first, real, second)]
    advance(world, tenant, one, "2027-04-30T09:00:00Z")
    numbers.append(_number(tenant, customerId=real))
    assert numbers == [
        "ACME-000001",
        f"ACME.{series(one)}-000001",
        "ACME-000002",
        f"ACME.{series(two)}-000001",
        "ACME-000003",
    ]
    on_clock = [each["number"] for each in tenant.get("/v1/invoices", customer=first).data][::-1]
    assert on_clock == [f"ACME.{series(one)}-{n:06d}" for n in (1, 2, 3, 4)]
    shown = tenant.get(f"/v1/test-clocks/{one}").data
    assert on_clock[0] == f"ACME.{shown['series']}-000001"
    assert tenant.only_invoice(number=on_clock[2])["customerId"] == first


def test_17_credit_notes_too(tenant: Tenant) -> None:
    clock, customer = _clock(tenant)
    on_clock, real = _number(tenant, customerId=customer), _number(tenant)
    assert [_credit(tenant, each) for each in (on_clock, real, on_clock)] == [
        f"ACME.{series(clock)}-CN-000001",
        "ACME-CN-000001",
        f"ACME.{series(clock)}-CN-000002",
    ]


def test_17_a_series_keeps_the_prefix_that_it_began_with(tenant: Tenant, world: World) -> None:
    _, customer = _clock(tenant)
    begun = _number(tenant, customerId=customer)
    assert tenant.patch(f"/v1/tenants/{tenant.id}", {"invoicePrefix": "NEW"}).status == 200
    world.clock.advance(seconds=61)
    assert _number(tenant, customerId=customer) == begun.replace("000001", "000002")
    other, second = _clock(tenant)
    assert _number(tenant, customerId=second) == f"NEW.{series(other)}-000001"
    assert _number(tenant) == "NEW-000001"


def test_17_a_number_from_before_stays_what_it_is(tenant: Tenant) -> None:
    """An invoice on a clock that took the tenant's own number once: found, credited, and nothing is numbered again."""
    clock, customer = _clock(tenant)
    begun = _number(tenant, customerId=customer)
    unit = storage.units().begin(tenant.id)
    ref = Ref(Invoice, tenant.id, tenant.only_invoice(number=begun)["id"])
    unit.save(replace(unit.load(ref).require(ref), number="ACME-000001"))
    unit.commit()
    assert tenant.only_invoice(number="ACME-000001")["id"] == ref.id
    assert _credit(tenant, "ACME-000001") == f"ACME.{series(clock)}-CN-000001"
    assert tenant.get(f"/v1/invoices/{ref.id}/pdf").status == 200
    assert _number(tenant, customerId=customer) == f"ACME.{series(clock)}-000002"
