"""Orders: made and priced once, listed, canceled, and given up when nobody pays them in time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from billing.domain.catalog.coupon import Coupon, Discount, Redemption
from billing.domain.clocks import Clock
from billing.domain.customers.customer import Customer
from billing.domain.kernel.card_limits import unchargeable
from billing.domain.kernel.due import Due, clock_of
from billing.domain.kernel.errors import (
    CurrencyUnsupportedInRegion,
    Detail,
    InvalidState,
    LostRace,
    OrderNotChargeable,
    ProviderUnavailable,
)
from billing.domain.kernel.event_types import EventType
from billing.domain.kernel.legal_tender import LEGAL_TENDER
from billing.domain.marketplace import pricing
from billing.domain.marketplace.order import PAY_WITHIN, Order, OrderStatus, moved
from billing.domain.marketplace.pricing import WantedItem
from billing.domain.payments.payment import Payment, PaymentStatus, SettledBy
from billing.domain.tenant import SETTINGS_ID, Tenant, TenantStatus
from billing.services.catalog import coupons
from billing.services.clocks.customer_time import customer_time
from billing.services.kernel.due_items import load_due
from billing.services.kernel.refused import Refused
from billing.services.kernel.work import Found, Page, Ref, Window, Work, said
from billing.services.marketplace.order_books import MarketplaceBooks
from billing.services.payments.collection import Collector
from billing.services.payments.one_time import OneTimePayments
from billing.services.payments.unknown_outcomes import StillUnknown
from billing.services.tax.assessment import Taxes

_LOOK_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as its buyer's shop describes it.

    Args:
        customer_id: the buyer; None for the tenant's default customer.
        region: ISO 3166-1 country in which it is sold; None for the buyer's.
    """

    currency: str
    items: tuple[WantedItem, ...]
    customer_id: str | None = None
    region: str | None = None
    tax_inclusive: bool = False
    coupon_code: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Orders:
    """The use cases.

    Args:
        taxes: as on invoices.
        books: what follows for providers.
        one_time: settles the order's payment.
        collector: asks Stripe about it.
        strict_regions: only a region's own currencies can be charged there.
    """

    taxes: Taxes
    books: MarketplaceBooks
    one_time: OneTimePayments
    collector: Collector
    strict_regions: bool = False

    def create(self, work: Work, new: NewOrder) -> Order:
        """A new order, priced once; paid at once where a coupon pays all of it.

        Raises:
            NotFound: no such customer.
            ProviderUnavailable: a provider cannot sell here; every such item is named.
            CurrencyUnsupportedInRegion: the region does not take the currency.
            CouponInvalid, CouponExpired, CouponExhausted: the coupon does not hold.
            CommissionTooHigh: a commission is more than its item brings.
            TaxJurisdictionUnsupported, Unavailable: nobody knows the tax.
            OrderNotChargeable: no card can be charged what it comes to.
        """
        tenant = work.tenant
        items = tuple(_first_party(each, tenant.id) for each in new.items)
        customer_ref = Ref(Customer, tenant.id, new.customer_id or tenant.default_customer_id)
        code = new.coupon_code
        coupon_refs: tuple[Ref[Coupon] | Ref[Redemption], ...] = ()
        if code is not None:
            coupon_refs = coupons.refs(tenant.id, code, customer_ref.id)
        sellers = _sellers(items)
        found = work.load(customer_ref, *coupon_refs, *sellers.values(), *self.taxes.refs(tenant))
        customer = found.require(customer_ref)
        at = customer_time(work, customer)
        _require_sellers(found, tenant, items, sellers)
        self._require_region(tenant, customer, new)
        discount = None
        if code is not None:
            discount = coupons.redeemed(work, found, code, customer, None, new.currency, at)
        order = self._priced(work, new, items, customer, found, discount, at)
        return self._placed(work, order, at)

    def _priced(
        self,
        work: Work,
        new: NewOrder,
        items: tuple[WantedItem, ...],
        customer: Customer,
        found: Found,
        discount: Discount | None,
        at: datetime,
    ) -> Order:
        tenant = work.tenant
        lines = pricing.lines(items, discount, tenant.id, new.tax_inclusive)
        taxed = self.taxes.applied(tenant, customer, found, lines, at)
        order_id = work.fresh_id("ord", at)
        return Order(
            id=order_id,
            tenant_id=tenant.id,
            customer_id=customer.id,
            status=OrderStatus.PENDING,
            currency=new.currency,
            items=pricing.sold_items(items, taxed.lines, discount, tenant.marketplace),
            terms=replace(tenant.marketplace, region_currencies=None),
            created_at=at,
            expires_at=at + PAY_WITHIN,
            region=new.region,
            tax_inclusive=new.tax_inclusive,
            coupon_code=discount.code if discount is not None else None,
            tax_notes=taxed.notes,
            test_clock_id=customer.test_clock_id,
            metadata=new.metadata,
        )

    def _placed(self, work: Work, order: Order, at: datetime) -> Order:
        """Stage the order; one of nothing is sold at once."""
        if not order.total.is_zero:
            why = unchargeable(order.total)
            if why is not None:
                raise OrderNotChargeable(f"No card can be charged {order.total}", (Detail("items", why.value),))
            order = work.save(replace(order, due=Due(self.books.shards.of(order), order.expires_at)))
            work.emit(EventType.ORDER_CREATED, order)
            return order
        order = work.save(order)
        work.emit(EventType.ORDER_CREATED, order)
        return self.books.sell(work, order, at)

    def _require_region(self, tenant: Tenant, customer: Customer, new: NewOrder) -> None:
        region = new.region or (customer.address.country if customer.address else None)
        if not self.strict_regions or region is None:
            return
        own = tenant.marketplace.region_currencies
        allowed = own.get(region) if own is not None else LEGAL_TENDER.get(region)
        if allowed is not None and new.currency not in allowed:
            message = f"{region} takes {', '.join(allowed)}, not {new.currency}"
            raise CurrencyUnsupportedInRegion(message, (Detail("currency", "unsupported_in_region"),))

    def cancel(self, work: Work, order_id: str) -> Order | Refused:
        """Cancel an order that nobody has paid; the form that its payer may have open is taken back first.

        Raises:
            NotFound: no such order.
            InvalidState: it is not pending, or its payment can no longer be taken back.
        """
        order = get(work, order_id)
        if order.status is not OrderStatus.PENDING:
            raise InvalidState.of("order", order.status, "canceled")
        customer_ref = Ref(Customer, order.tenant_id, order.customer_id)
        at = customer_time(work, work.load(customer_ref).require(customer_ref), of_the_past=True)
        payment = _payment_of(work, order)
        if payment is not None:
            self.one_time.withdraw(work, payment, at)
        order = get(work, order_id)
        if order.status.is_sold:  # the payer was faster, which stays so
            return Refused(InvalidState.of("order", order.status, "canceled"))
        _require_attempt(order, payment)
        return self._closed(work, order, OrderStatus.CANCELED, at)

    def expire(self, work: Work, order_id: str, now: datetime) -> Due | None:
        """The alarm clock's work on an order whose time to be paid is over; of one that is sold, on what went short.

        Its form is taken back first. Only once Stripe has confirmed that nobody can pay any more is it given up, and
        its coupon can be redeemed by others; if it was paid meanwhile, it is paid.

        Args:
            now: the wall clock's time, or the test clock's.

        Returns:
            when it is due next; None when never.

        Raises:
            StillUnknown: Stripe does not know yet whether it was paid.
        """
        order, due = load_due(work, Order, order_id, now)
        if order is None or due is None:
            return due
        if not order.status.is_open:
            return self.books.make_up(work, order, _buyers_time(work, order, now))
        payment = _payment_of(work, order)
        if payment is not None:
            payment = self._decided(work, payment, now)
        order = get(work, order_id)
        if order.status.is_sold:
            return None
        _require_attempt(order, payment)
        if payment is not None and payment.status is PaymentStatus.PENDING:
            raise StillUnknown(f"{payment.id} is {payment.status}, and {order_id} has expired")
        if payment is not None and payment.is_undecided:
            # A test clock's hours mean nothing to a bank: ``attempted`` sets the alarm again.
            later = None if clock_of(due.shard) else Due(due.shard, now + _LOOK_EVERY)
            return work.save(replace(order, due=later)).due
        return self._closed(work, order, OrderStatus.EXPIRED, now).due

    def _decided(self, work: Work, payment: Payment, at: datetime) -> Payment:
        """The payment once nobody can pay by it any more, as far as Stripe can say."""
        if payment.in_the_payers_hands:
            return self.one_time.withdraw(work, payment, at)
        if payment.is_undecided:
            return self.one_time.settle(work, payment, self.collector.resolve(work, payment), at, SettledBy.SWEEP)
        return payment

    @staticmethod
    def _closed(work: Work, order: Order, status: OrderStatus, at: datetime) -> Order:
        """Give an order up, and its coupon's redemption back."""
        order = work.save(replace(moved(order, status, status.value), closed_at=at, due=None))
        if order.coupon_code is not None:
            coupons.unredeem(work, order.coupon_code, order.customer_id)
        work.emit(EventType.ORDER_EXPIRED, order)
        return order


def get(work: Work, order_id: str) -> Order:
    """An order of the tenant.

    Raises:
        NotFound: it has none with this id.
    """
    ref = Ref(Order, work.tenant.id, order_id)
    return work.load(ref).require(ref)


def page(work: Work, filters: dict[str, str | None], window: Window) -> Page[Order]:
    """A page of the tenant's orders, newest first.

    Args:
        filters: by ``customer``, ``status`` and ``currency``; None is no filter.
    """
    wanted = said(filters)
    return work.query(window.query(Order, "customer", wanted.pop("customer", None), wanted))


def _buyers_time(work: Work, order: Order, now: datetime) -> datetime:
    """Now, on the buyer's clock."""
    if order.test_clock_id is None:
        return now
    ref = Ref(Clock, order.tenant_id, order.test_clock_id)
    clock = work.load(ref).get(ref)
    return clock.frozen_time if clock is not None else now


def _payment_of(work: Work, order: Order) -> Payment | None:
    ref = Ref(Payment, order.tenant_id, order.payment_id or "")
    return work.load(ref).get(ref) if ref.id else None


def _require_attempt(order: Order, payment: Payment | None) -> None:
    """Go on only if the attempt that was taken back is still the order's: another may be charging its payer by now.

    Raises:
        LostRace: one was made since the order was read.
    """
    if order.payment_id != (payment.id if payment is not None else None):
        raise LostRace("The order was changed while it was being read")


def _first_party(item: WantedItem, tenant_id: str) -> WantedItem:
    return replace(item, provider_id=None) if item.provider_id == tenant_id else item


def _sellers(items: tuple[WantedItem, ...]) -> dict[str, Ref[Tenant]]:
    ids = dict.fromkeys(each.provider_id for each in items if each.provider_id is not None)
    return {each: Ref(Tenant, each, SETTINGS_ID) for each in ids}


def _require_sellers(
    found: Found, marketplace: Tenant, items: tuple[WantedItem, ...], sellers: Mapping[str, Ref[Tenant]]
) -> None:
    """Refuse providers that cannot sell here.

    Raises:
        ProviderUnavailable: one does not exist, is suspended, or in another mode than the marketplace.
    """
    bad = []
    for number, item in enumerate(items):
        if item.provider_id is None:
            continue
        tenant = found.get(sellers[item.provider_id])
        if tenant is None:
            bad.append(Detail(f"items.{number}.providerTenantId", "no_such_provider"))
        elif tenant.status is not TenantStatus.ACTIVE:
            bad.append(Detail(f"items.{number}.providerTenantId", "suspended"))
        elif tenant.mode is not marketplace.mode:
            bad.append(Detail(f"items.{number}.providerTenantId", "in_another_mode"))
    if bad:
        raise ProviderUnavailable("Not every provider can sell here", tuple(bad))
