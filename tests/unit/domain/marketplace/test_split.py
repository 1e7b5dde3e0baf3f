"""Who gets what of an item, and what of it a refund takes back: E1 to E20, worked by hand or published by others."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.kernel.errors import RefundExceedsAvailable
from billing.domain.kernel.marketplace_terms import CommissionBase, MarketplaceTerms, Party
from billing.domain.kernel.money import Money, sum_money
from billing.domain.marketplace.order import Order, OrderItem, OrderReturn, OrderStatus
from billing.domain.marketplace.returning import by_amount, by_items, by_provider, fee_shares, taken
from billing.domain.marketplace.split import Split, split

AT = datetime(2026, 6, 1, tzinfo=UTC)
TERMS = MarketplaceTerms()


def usd(text: str, currency: str = "USD") -> Money:
    return Money(int(Decimal(text) * 100_000), currency)


def yen(units: int) -> Money:
    return Money.from_minor(units, "JPY")


def kwd(text: str) -> Money:
    return Money(int(Decimal(text) * 1_000_000), "KWD")


ZERO = usd("0")


def item(
    number: int,
    price: str,
    bps: int = 0,
    provider: str | None = "p",
    tax: str = "0",
    off: str = "0",
    promotion: str = "0",
    terms: MarketplaceTerms = TERMS,
    collector: Party = Party.MARKETPLACE,
    quantity: int = 1,
) -> OrderItem:
    """An item at a price, of which a coupon takes ``off``, ``promotion`` of it at the marketplace's expense."""
    gross = usd(price)
    parts = split(gross - usd(off) + usd(tax), usd(promotion), usd(tax), bps, terms, collector, provider is None)
    nothing = Split.nothing("USD")
    return OrderItem(
        f"item_{number}", "sku", "", provider, quantity, gross, bps, gross, usd(off), parts, nothing, collector
    )


def order(*items: OrderItem, terms: MarketplaceTerms = TERMS) -> Order:
    return Order("ord_1", "m", "cus_1", OrderStatus.PAID, "USD", items, terms, AT, AT + timedelta(days=1))


def back(of: Order, parts: dict[str, Split], number: int = 1, quantities: dict[str, int] | None = None) -> Order:
    return taken(of, OrderReturn(f"re_{number}", "m", of.id, parts, AT, quantities or {}))


def e1(off: tuple[str, str, str] = ("0", "0", "0"), funded_by: Party = Party.MARKETPLACE) -> Order:
    prices = (("69.90", 0, None), ("87.12", 1600, "x"), ("42.60", 2000, "y"))
    own = funded_by is Party.MARKETPLACE
    return order(
        *(
            item(n, price, bps, provider, off=less, promotion=less if own and provider else "0")
            for n, ((price, bps, provider), less) in enumerate(zip(prices, off, strict=True), 1)
        )
    )


def marketplaces(of: Order) -> Money:
    """What is left to the marketplace: its own goods and commissions, less its coupons."""
    own = of.of_provider(None).earning
    return own + sum_money((i.split.commission - i.split.promotion for i in of.items), "USD")


def test_e1_a_cart_of_own_goods_and_two_providers() -> None:
    cart = e1()
    assert [i.split.commission for i in cart.items] == [ZERO, usd("13.94"), usd("8.52")]
    assert [cart.of_provider(p).earning for p in ("x", "y")] == [usd("73.18"), usd("34.08")]
    assert marketplaces(cart) == usd("92.36")


def test_e2_the_earning_is_the_rest_and_not_rounded_on_its_own() -> None:
    parts = split(usd("6.45"), ZERO, ZERO, 3000, TERMS, Party.MARKETPLACE)
    assert (parts.commission, parts.earning) == (usd("1.94"), usd("4.51"))


def test_e3_a_tax_on_the_commission() -> None:
    terms = MarketplaceTerms(commission_tax_percent=Decimal(21))
    parts = split(usd("100"), ZERO, ZERO, 333, terms, Party.MARKETPLACE)
    assert (parts.commission, parts.commission_tax, parts.earning) == (usd("3.33"), usd("0.70"), usd("95.97"))


@pytest.mark.parametrize(
    ("paid", "base", "commission"),
    [("100", CommissionBase.NET, "8"), ("120", CommissionBase.NET, "10"), ("120", CommissionBase.GROSS, "12")],
)
def test_e4_a_commission_is_taken_of_the_price_without_tax_unless_settings_say_with_it(
    paid: str, base: CommissionBase, commission: str
) -> None:
    terms = MarketplaceTerms(commission_base=base)
    parts = split(usd(paid), ZERO, usd("20"), 1000, terms, Party.MARKETPLACE)
    assert parts.commission == usd(commission)


def test_e5_yen_and_dinars_are_rounded_to_what_can_be_charged() -> None:
    parts = split(yen(1000), yen(0), yen(0), 333, TERMS, Party.MARKETPLACE)
    assert (parts.commission, parts.earning) == (yen(33), yen(967))
    parts = split(kwd("5.120"), kwd("0"), kwd("0"), 1600, TERMS, Party.MARKETPLACE)
    assert (parts.commission, parts.earning) == (kwd("0.820"), kwd("4.300"))


def test_e6_the_marketplaces_coupon_may_cost_it_more_than_its_commission() -> None:
    cart = order(item(1, "100", 1000, off="50", promotion="50"))
    assert (cart.total, cart.of_provider("p").earning, marketplaces(cart)) == (usd("50"), usd("90"), usd("-40"))


def test_e7_who_pays_for_the_coupon_decides_who_gets_what() -> None:
    theirs = order(item(1, "100", 2500, off="20"))
    assert (theirs.of_provider("p").earning, marketplaces(theirs)) == (usd("60"), usd("20"))
    ours = order(item(1, "100", 2500, off="20", promotion="20"))
    assert (ours.of_provider("p").earning, marketplaces(ours)) == (usd("75"), usd("5"))


def test_e8_a_coupon_over_a_cart() -> None:
    off = tuple(str(Decimal(m.micros) / 100_000) for m in usd("10").allocate([6990, 8712, 4260]))
    assert off == ("3.5", "4.37", "2.13")
    theirs = e1(off, Party.PROVIDER)  # type: ignore[arg-type]
    assert [i.split.commission for i in theirs.items[1:]] == [usd("13.24"), usd("8.09")]
    assert [theirs.of_provider(p).earning for p in ("x", "y")] == [usd("69.51"), usd("32.38")]
    assert marketplaces(theirs) == usd("87.73")
    ours = e1(off, Party.MARKETPLACE)  # type: ignore[arg-type]
    assert [ours.of_provider(p).earning for p in ("x", "y")] == [usd("73.18"), usd("34.08")]
    assert marketplaces(ours) == usd("82.36")


def test_e9_a_whole_item_back_brings_the_promotion_back_too() -> None:
    ours = e1(("3.50", "4.37", "2.13"))
    parts = by_items(ours, {"item_3": 1}, {})["item_3"]
    assert (parts.paid, parts.earning) == (usd("40.47"), usd("34.08"))
    assert (parts.commission, parts.promotion) == (usd("8.52"), usd("2.13"))


def test_e10_half_back() -> None:
    cart = order(item(1, "100", 500))
    left = back(cart, by_amount(cart, usd("50"))).items[0]
    assert left.split.earning - left.returned.earning == usd("47.50")
    assert left.split.commission - left.returned.commission == usd("2.50")


def test_e11_the_commission_goes_back_by_the_share_and_not_by_a_rounded_rate() -> None:
    parts = split(usd("32.75"), ZERO, ZERO, 1374, TERMS, Party.MARKETPLACE)
    assert parts.commission == usd("4.50")
    cart = order(item(1, "32.75", 1374))
    assert by_amount(cart, usd("6"))["item_1"].commission == usd("0.82")


def test_e12_and_e18_a_refund_of_the_goods_leaves_the_delivery() -> None:
    book = order(item(1, "10", 1500), item(2, "3"))
    assert by_items(book, {}, {"item_1": usd("5")})["item_1"].commission == usd("0.75")
    goods = order(item(1, "100", 1000), item(2, "20"))
    after = back(goods, by_items(goods, {}, {"item_1": usd("50")}))
    earned = sum_money((i.split.earning - i.returned.earning for i in after.items), "USD")
    assert (goods.of_provider("p").earning, earned) == (usd("110"), usd("65"))


@pytest.mark.parametrize(
    ("price", "bps", "steps", "commissions", "earnings"),
    [
        ("10", 3333, ("3.33", "3.33", "3.34"), ("1.11", "1.11", "1.11"), ("2.22", "2.22", "2.23")),
        ("0.03", 5000, ("0.01", "0.01", "0.01"), ("0.01", "0", "0.01"), ("0", "0.01", "0")),
    ],
    ids=["e13", "e14"],
)
def test_e13_e14_steps_sum_to_the_whole(
    price: str, bps: int, steps: tuple[str, ...], commissions: tuple[str, ...], earnings: tuple[str, ...]
) -> None:
    cart = order(item(1, price, bps))
    found = []
    for n, step in enumerate(steps):
        parts = by_amount(cart, usd(step))
        found.append(parts["item_1"])
        cart = back(cart, parts, n)
    assert [p.commission for p in found] == [usd(c) for c in commissions]
    assert [p.earning for p in found] == [usd(e) for e in earnings]
    assert cart.items[0].returned == cart.items[0].split


def test_e15_an_amount_is_split_over_what_is_left() -> None:
    cart = order(item(1, "280"), item(2, "120"))
    assert [p.paid for p in by_amount(cart, usd("100")).values()] == [usd("70"), usd("30")]
    assert [p.paid for p in by_amount(cart, usd("50.01")).values()] == [usd("35.01"), usd("15")]


def test_e16_an_amount_of_the_cart() -> None:
    cart = e1()
    parts = by_amount(cart, usd("50"))
    assert [p.paid for p in parts.values()] == [usd("17.51"), usd("21.82"), usd("10.67")]
    of = by_provider(cart, parts)
    assert (of["x"].commission, of["y"].commission) == (usd("3.49"), usd("2.13"))
    assert (of["x"].earning, of["y"].earning) == (usd("18.33"), usd("8.54"))


def test_e17_each_item_has_its_own_commission() -> None:
    cart = order(item(1, "100", 1000), item(2, "100", 1500))
    assert by_items(cart, {"item_1": 1}, {})["item_1"].commission == usd("10")


@pytest.mark.parametrize(
    ("collector", "amount", "tax", "commission", "earning"),
    [
        (Party.MARKETPLACE, "55", "5", "7.50", "42.50"),
        (Party.PROVIDER, "55", "5", "7.50", "47.50"),
        (Party.MARKETPLACE, "33.33", "3.03", "4.55", "25.75"),
    ],
)
def test_e19_tax_goes_back_first(collector: Party, amount: str, tax: str, commission: str, earning: str) -> None:
    cart = order(item(1, "100", 1500, tax="10", collector=collector))
    parts = by_amount(cart, usd(amount))["item_1"]
    assert (parts.tax, parts.commission, parts.earning) == (usd(tax), usd(commission), usd(earning))


def test_e20_a_fee_is_borne_by_what_was_sold() -> None:
    cart = order(item(1, "60", provider="a"), item(2, "40", provider="b"))
    assert fee_shares(cart, usd("3.20")) == {"a": usd("1.92"), "b": usd("1.28")}


def test_the_marketplace_may_keep_a_part_of_its_commission() -> None:
    terms = MarketplaceTerms(refund_fee_percent=Decimal(20), refund_fee_most=usd("5").micros)
    cart = order(item(1, "100", 1500, terms=terms), terms=terms)
    parts = by_amount(cart, usd("100"))["item_1"]
    assert (parts.commission, parts.earning) == (usd("12"), usd("88"))  # 20 % of 15.00 are kept: 3.00
    dear = order(item(1, "1000", 1500, terms=terms), terms=terms)
    assert by_amount(dear, usd("1000"))["item_1"].commission == usd("145")  # 5.00 and not 30.00


def test_the_last_one_of_an_item_brings_what_is_left() -> None:
    cart = order(item(1, "20", 1000, quantity=2))
    cart = back(cart, by_amount(cart, usd("5")), 1)
    first = by_items(cart, {"item_1": 1}, {})
    assert first["item_1"].paid == usd("10")
    cart = back(cart, first, 2, {"item_1": 1})
    second = by_items(cart, {"item_1": 1}, {})
    assert second["item_1"].paid == usd("5")
    with pytest.raises(RefundExceedsAvailable):
        by_items(cart, {"item_1": 2}, {})


def test_what_cost_nothing_goes_back_by_number() -> None:
    cart = order(item(1, "100", 1000, off="100", promotion="100", quantity=4))
    half = by_items(cart, {"item_1": 2}, {})["item_1"]
    assert (half.paid, half.promotion, half.earning) == (ZERO, usd("50"), usd("45"))
    cart = back(cart, {"item_1": half}, 1, {"item_1": 2})
    rest = by_items(cart, {"item_1": 2}, {})["item_1"]
    assert half + rest == cart.items[0].split


def test_14_01_the_last_cent_takes_back_what_cost_nothing_as_well() -> None:
    """Of 50.00, and 20.00 that a coupon paid: 49.99 leave the latter alone, the last 0.01 brings all of it, once."""
    cart = order(item(1, "50"), item(2, "20", 1000, "q", off="20", promotion="20"))
    first = by_amount(cart, usd("49.99"))
    assert set(first) == {"item_1"}
    cart = back(cart, first, 1)
    last = by_amount(cart, usd("0.01"))
    assert last["item_2"] == cart.items[1].split
    cart = back(cart, last, 2)
    assert by_amount(cart, ZERO) == {}


PRICES = st.integers(1, 30_000)


@settings(max_examples=60)
@given(data=st.data(), prices=st.lists(PRICES, min_size=1, max_size=5), bps=st.integers(0, 10_000))
def test_returns_in_any_steps_sum_to_the_whole_and_nobody_gives_back_what_was_not_got(
    data: st.DataObject, prices: list[int], bps: int
) -> None:
    terms = MarketplaceTerms(commission_tax_percent=Decimal(data.draw(st.sampled_from(["0", "7.7", "21"]))))
    items = []
    for n, cents in enumerate(prices):
        off = data.draw(st.integers(0, cents))
        tax = data.draw(st.integers(0, (cents - off) // 4))
        promotion = data.draw(st.sampled_from([0, off]))
        paid = Money.from_minor(cents - off + tax, "USD")
        try:
            parts = split(
                paid,
                Money.from_minor(promotion, "USD"),
                Money.from_minor(tax, "USD"),
                bps,
                terms,
                data.draw(st.sampled_from(list(Party))),
            )
        except ValueError:
            return  # a commission above what the item brings: refused when the order is made
        gross, discount = Money.from_minor(cents, "USD"), Money.from_minor(off, "USD")
        nothing = Split.nothing("USD")
        items.append(OrderItem(f"item_{n}", "s", "", f"p{n % 2}", 1, gross, bps, gross, discount, parts, nothing))
    cart = order(*items, terms=terms)
    done = []
    for n in range(6):
        left = cart.left.minor
        if not left:
            break
        amount = Money.from_minor(left if n == 5 else data.draw(st.integers(1, left)), "USD")
        parts = by_amount(cart, amount)
        assert sum_money((p.paid for p in parts.values()), "USD") == amount
        step = OrderReturn(f"re_{n}", "m", cart.id, parts, AT)
        cart = taken(cart, step)
        done.append(step)
        if data.draw(st.booleans()) and n < 5:  # one of them comes back from the bank
            undone = done.pop(data.draw(st.integers(0, len(done) - 1)))
            cart = taken(cart, OrderReturn(undone.id, "m", cart.id, undone.parts, AT, undone=True))
        for each in cart.items:
            zero = Money.zero("USD")
            for name in ("paid", "promotion", "tax", "tax_owed", "commission", "commission_tax", "earning"):
                assert zero <= getattr(each.returned, name) <= getattr(each.split, name), name
    if cart.left.is_zero and not cart.total.is_zero:
        assert all(each.returned == each.split for each in cart.items), "nobody keeps a share of what is refunded"
