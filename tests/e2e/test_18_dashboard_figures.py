"""Issue 18: what the dashboard does to figures and days, in a browser, with the modules that are served."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.browser import Visitors
from tests.e2e.conftest import Seller, Stack
from tests.e2e.tour import Tour

DIGITS = {"USD": 2, "JPY": 0, "KWD": 3}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LARGEST = 9_007_199_254_740_991
WRITTEN = [
    (4_999_000, "USD", "49.99", "49.99 USD"),
    (500_000, "JPY", "500", "500 JPY"),
    (1_234_567_000, "KWD", "1234.567", "1,234.567 KWD"),
    (1_250, "USD", "0.0125", "0.0125 USD"),
    (1, "JPY", "0.001", "0.001 JPY"),
    (1, "KWD", "0.000001", "0.000001 KWD"),
    (-4_999_000, "USD", "-49.99", "−49.99 USD"),
    (-1, "USD", "-0.00001", "−0.00001 USD"),
    (0, "USD", "0.00", "0.00 USD"),
    (LARGEST, "USD", "90071992547.40991", "90,071,992,547.40991 USD"),
    (LARGEST, "JPY", "9007199254740.991", "9,007,199,254,740.991 JPY"),
]
TYPED = [
    ("1,234.5", "USD", 123_450_000),
    ("49.99", "USD", 4_999_000),
    (" 7 ", "USD", 700_000),
    ("-12.50", "USD", -1_250_000),
    ("500", "JPY", 500_000),
    ("1.234", "KWD", 1_234_000),
    *(
        (text, "USD", None)
        for text in ("49.999", "", "abc", "1e3", "0x10", "1.2.3", "٣", "--1", "1.", ".5", "999999999999")
    ),
    ("500.5", "JPY", None),
    ("1.2345", "KWD", None),
]
# The first instant of these days is not 00:00: the clocks went from it to 01:00. The others are such days' neighbours,
# days that begin twice, and days that no change is near to.
DAYS = [
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/Sao_Paulo", "2018-02-18"),
    ("America/Sao_Paulo", "2018-11-05"),
    ("America/Asuncion", "2023-10-01"),
    ("America/Santiago", "2022-09-11"),
    ("America/Havana", "2023-03-12"),
    ("America/Havana", "2023-11-05"),
    ("Africa/Cairo", "2023-04-28"),
    ("Asia/Beirut", "2022-03-27"),
    ("Asia/Amman", "2022-02-25"),
    ("Atlantic/Azores", "2023-03-26"),
    ("Atlantic/Azores", "2023-10-29"),
    ("Europe/Berlin", "2024-03-31"),
    ("Europe/Berlin", "2024-10-27"),
    ("America/New_York", "2024-03-10"),
    ("America/New_York", "2024-11-03"),
    ("Australia/Lord_Howe", "2023-10-01"),
    ("Asia/Kathmandu", "2024-01-01"),
    ("Pacific/Kiritimati", "2024-01-01"),
    ("Pacific/Pago_Pago", "2024-12-31"),
    ("UTC", "2024-02-29"),
]
# The module that the page itself has: the same address, and so the same digits and the same signed-in tenant.
_MODULE = """(name) => performance.getEntriesByType("resource")
  .map((each) => each.name).find((each) => each.endsWith(name))"""
_MONEY = """async ([url, written, typed]) => {
  const { decimal, money, parse } = await import(url);
  return [
    written.map(([micros, currency]) => [decimal(micros, currency), money(micros, currency)]),
    typed.map(([text, currency]) => parse(text, currency)),
  ];
}"""
_ROUND = """async ([url, rows]) => {
  const { decimal, parse } = await import(url);
  return rows.filter(([micros, currency]) =>
    [false, true].some((group) => parse(decimal(micros, currency, { group }), currency, { finer: 3 }) !== micros));
}"""
_MIDNIGHTS = """async ([form, session, days]) => {
  const { midnight } = await import(form);
  const { me } = await import(session);
  const before = me.value;
  const found = days.map(([timeZone, day]) => {
    me.value = { ...before, tenant: { ...before.tenant, timeZone } };
    return midnight(day);
  });
  me.value = before;
  return found;
}"""


@pytest.fixture
def tour(stack: Stack, visitors: Visitors) -> Tour:
    return Tour.begun(stack, Seller.new(stack, "Figures"), visitors, "/customers")


def test_18_money_is_written_and_read_to_the_last_digit(tour: Tour) -> None:
    """By the digits of each currency; what is finer, or no amount, is refused and not rounded."""
    url = tour.tab.run(_MODULE, "/lib/money.js")
    written = [[micros, currency] for micros, currency, _, _ in WRITTEN]
    shown, read = tour.tab.run(_MONEY, [url, written, [[text, currency] for text, currency, _ in TYPED]])
    assert [tuple(each) for each in shown] == [(plain, full) for _, _, plain, full in WRITTEN]
    assert list(zip(TYPED, read, strict=True)) == [(each, each[2]) for each in TYPED]
    chance = Random(18)
    sizes = [0, 1, 999, 1_000, LARGEST, *(chance.randrange(10 ** chance.randint(1, 15)) for _ in range(2_000))]
    rows = [[sign * size, currency] for currency in DIGITS for size in sizes for sign in (1, -1) if size or sign > 0]
    assert tour.tab.run(_ROUND, [url, rows]) == []


def test_18_a_day_begins_at_its_first_instant_in_the_tenants_zone(tour: Tour) -> None:
    """Where midnight is left out or comes twice, too; as Python's own table of zones has it."""
    days = [
        *DAYS,
        *((zone, str(date(2023, 1, 1) + timedelta(each))) for zone, _ in DAYS[::3] for each in range(0, 365, 5)),
    ]
    modules = [tour.tab.run(_MODULE, name) for name in ("/ui/form.js", "/lib/session.js")]
    found = tour.tab.run(_MIDNIGHTS, [*modules, [list(each) for each in days]])
    assert list(zip(days, found, strict=True)) == [(each, first_instant(*each)) for each in days]


def test_18_a_plot_is_told_colours_that_it_can_draw(tour: Tour) -> None:
    """In light and in dark: a canvas takes no words such as light-dark(), and draws in grey what it does not take."""
    read = "(name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
    told = {}
    for scheme in SCHEMES:
        tour.page.emulate_media(color_scheme=scheme)
        told[scheme] = [tour.tab.run(read, name) for name in ("--quiet", *(f"--line-{n}" for n in range(4)))]
        assert all(each.startswith("rgb(") for each in told[scheme]), told[scheme]
    assert not set(told["light"]) & set(told["dark"])


def first_instant(zone: str, day: str) -> str:
    begins = datetime.combine(date.fromisoformat(day), time(0), ZoneInfo(zone))
    return begins.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
