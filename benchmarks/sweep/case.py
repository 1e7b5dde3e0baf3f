"""What a sweep finds due, and what it has to leave behind: both are worked out from the same numbers.

An order is a customer with a credit balance and one active subscription. Its invoices are paid from the balance, so
that no charge is made and the figures are the billing engine's, not the Stripe sandbox's; or, in a case of its own,
there is nothing in the balance, and a card is charged.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zlib import crc32

from benchmarks.customers import sample_customer
from billing.domain.catalog.plan import Plan
from billing.domain.catalog.pricing import Component, ComponentType, PricingModel
from billing.domain.customers.balance import Balance
from billing.domain.customers.customer import Customer
from billing.domain.invoicing.issuing import period_invoice_id
from billing.domain.kernel.due import wall_clock_shard
from billing.domain.kernel.ids import derived
from billing.domain.kernel.money import Money
from billing.domain.kernel.periods import Interval
from billing.domain.subscriptions import changes, lifecycle
from billing.domain.subscriptions.lifecycle import Start
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.tenant import Mode, Tenant, TenantStatus, Tier

_BORN = datetime(2020, 1, 1, tzinfo=UTC)
_FLAT, _SEAT = 4_999_000, 500_000
"""In micro-units: $49.99 a month, and $5.00 a seat."""
_LEFT_OVER = 1_000_000
"""In micro-units: $10.00 of each balance are left when everything was billed once."""
_DUE_WITHIN_S = 6 * 3600
_CYCLE = 20
_BEHIND = {0: 3, 1: 2, 2: 2}
"""Of 20 orders of a tenant one is three periods behind, two are two, the others one: 1.2 invoices an order."""


@dataclass(frozen=True, slots=True)
class Order:
    """A customer, what is in its balance, and its subscription, as they are stored before the sweep."""

    customer: Customer
    balance: Balance
    subscription: Subscription


@dataclass(frozen=True, slots=True)
class Card:
    """What the orders of a case are charged to, all the same one.

    Args:
        customer_id, method_id: at Stripe.
    """

    customer_id: str
    method_id: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What one order has to have become.

    Args:
        invoice_ids: of the periods that were due, in order of time.
        period_end: the end of the period that is running after the sweep: when it is due next.
        total_micros: each invoice's.
        left_micros: what is left in the customer's balance.
        charged: a card pays, not the balance.
    """

    subscription_id: str
    customer_id: str
    shard: str
    invoice_ids: tuple[str, ...]
    period_end: datetime
    total_micros: int
    left_micros: int
    charged: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A sweep's world.

    Args:
        due: subscriptions that are due; a tenth as many others are not.
        tenants: among whom they are shared out; an invoice number is a tenant's next one.
        shards: of the due index.
        at: when it is written; everything due has become due in the six hours before.
        card: what is charged; None where balances pay.
        first: the number of the first of the tenants, where there is another case beside this one.
    """

    due: int
    tenants: int
    shards: int
    at: datetime
    card: Card | None = None
    first: int = 0

    @property
    def orders(self) -> int:
        """All subscriptions."""
        return self.due + self.due // 10

    @property
    def invoices(self) -> int:
        """How many the sweep makes."""
        return sum(map(self.behind, range(self.orders)))

    def of_tenant(self, tenant: int) -> range:
        """The numbers of a tenant's orders."""
        return range(tenant, self.orders, self.tenants)

    def behind(self, n: int) -> int:
        """How many periods of an order have ended unbilled: some missed schedule after schedule."""
        return _BEHIND.get(n // self.tenants % _CYCLE, 1) if n < self.due else 0

    def tenant_id(self, tenant: int) -> str:
        """The id of the n-th tenant."""
        return derived("ten", _BORN, "sweep", str(self.first + tenant))

    def tenant(self, tenant: int, data_key: str) -> Tenant:
        """The n-th tenant.

        Args:
            data_key: what seals its personal data, as KMS wrapped it.
        """
        return Tenant(
            id=self.tenant_id(tenant),
            name=f"Tenant {tenant}",
            tier=Tier.STANDARD,
            mode=Mode.LIVE,
            status=TenantStatus.ACTIVE,
            currency="USD",
            timezone="UTC",
            invoice_prefix=f"T{tenant:03d}",
            data_key=data_key,
            created_at=_BORN,
        )

    def plan(self, tenant_id: str) -> Plan:
        """What a tenant sells."""
        components = (
            Component("base", ComponentType.FLAT, unit_amount=_FLAT),
            Component("seats", ComponentType.LICENSED, PricingModel.PER_UNIT, _SEAT),
        )
        return Plan("business", tenant_id, 1, "Business", "USD", Interval.MONTH, 1, components, _BORN)

    def order(self, n: int) -> Order:
        """The n-th order, whose first period was billed when it began."""
        tenant_id, began = self.tenant_id(n % self.tenants), self._began(n)
        customer = sample_customer(tenant_id, n, began)
        micros = self._total_micros(n) * self.behind(n) + _LEFT_OVER
        if self.card is not None:
            micros, at_stripe = 0, self.card.customer_id
            customer = replace(customer, stripe_customer_id=at_stripe, default_payment_method_id=self.card.method_id)
        plan = self.plan(tenant_id)
        subscription_id = derived("sub", began, tenant_id, str(n))
        new = lifecycle.start(subscription_id, customer, plan, began, Start({"seats": _seats(n)}))
        begun = changes.first_period(new, plan).subscription
        active = lifecycle.invoice_paid(begun, "", began, wall_clock_shard(subscription_id, self.shards))
        return Order(customer, Balance(customer.id, tenant_id, Money(micros, "USD")), active)

    def expected(self, n: int) -> Expected:
        """What the n-th order has to have become."""
        order, behind = self.order(n), self.behind(n)
        subscription, cadence = order.subscription, order.subscription.cadence
        assert subscription.due is not None
        periods = [cadence.period(index) for index in range(1, behind + 1)]
        return Expected(
            subscription_id=subscription.id,
            customer_id=order.customer.id,
            shard=subscription.due.shard,
            invoice_ids=tuple(period_invoice_id(subscription, period) for period in periods),
            period_end=cadence.period(behind).end,
            total_micros=self._total_micros(n),
            left_micros=_LEFT_OVER if self.card is None else 0,
            charged=self.card is not None,
        )

    def _began(self, n: int) -> datetime:
        """So many months before an instant of the last hours that its periods ended one after the other up to then."""
        last = self.at - timedelta(seconds=1 + crc32(str(n).encode()) % _DUE_WITHIN_S)
        months = last.year * 12 + last.month - 1 - self.behind(n)
        # Not on the 29th to 31st: 31 March less one month would be a day that February does not have.
        return last.replace(year=months // 12, month=months % 12 + 1, day=min(last.day, 28), microsecond=0)

    def _total_micros(self, n: int) -> int:
        return _FLAT + _SEAT * _seats(n)


def _seats(n: int) -> int:
    return 1 + n % 7
