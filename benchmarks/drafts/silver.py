"""django-silver's side of the comparison of draft invoices; runs in an environment of its own (.venv-silver).

The released package, unmodified, by its own command ``generate_docs``. Whatever could slow it down without being its
work is out of the way: the database is SQLite in this process's memory (no server, no network, no disk), DEBUG is off,
nothing is logged. A line on standard input asks for a round, a line on standard output tells about it.
"""

import logging
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

from benchmarks.drafts.case import CUSTOMERS, FLAT, MONTH, PLAN_NAME, SEAT, SEATS, YEAR, Bill, Round

# Of the packages that silver's range of versions allows: nothing that concerns the comparison.
warnings.simplefilter("ignore")

import django  # noqa: E402
from django.conf import settings  # noqa: E402

_FIRST_DAY, _LAST_DAY, _BILLING_DATE = date(YEAR, MONTH, 1), date(YEAR, MONTH, 31), date(YEAR, MONTH + 1, 1)


class _NoMigrations:
    """Tables straight from the models: a second instead of twelve for the same tables."""

    def __contains__(self, app: str) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None


def start() -> None:
    """Django with silver's apps, and its tables."""
    settings.configure(
        DEBUG=False,
        SECRET_KEY="benchmark",
        USE_TZ=True,
        TIME_ZONE="UTC",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        MIGRATION_MODULES=_NoMigrations(),
        INSTALLED_APPS=[
            "dal",
            "dal_select2",
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "django_fsm",
            "rest_framework",
            "django_filters",
            "silver",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        ROOT_URLCONF="silver.urls",
        LOGGING_CONFIG=None,
        PAYMENT_PROCESSORS={},
        PAYMENT_METHOD_SECRET=b"benchmark",
        SILVER_AUTOMATICALLY_CREATE_TRANSACTIONS=False,
    )
    logging.disable()
    django.setup()
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)


def fill() -> None:
    """The customers, each with a subscription and a month's seats.

    Silver knows no licensed quantity: seats are a metered feature, with the month's consumption in its log.
    """
    from silver import models

    party = {"address_1": "1 High Street", "city": "Lund", "country": "SE", "email": "zoe@example.test"}
    provider = models.Provider.objects.create(
        name="Bench",
        company="Bench",
        flow="invoice",
        invoice_series="BENCH",
        invoice_starting_number=1,
        prebill_plan=False,  # the plan and its seats on one document, after the month
        **party,
    )
    codes = [models.ProductCode.objects.create(value=value) for value in ("base", "seats")]
    seats = models.MeteredFeature.objects.create(
        name="seats", unit="seat", price_per_unit=SEAT, included_units=Decimal(0), product_code=codes[1]
    )
    plan = models.Plan.objects.create(
        name=PLAN_NAME,
        interval="month",
        interval_count=1,
        amount=FLAT,
        currency="USD",
        product_code=codes[0],
        provider=provider,
    )
    plan.metered_features.add(seats)
    for n in range(CUSTOMERS):
        customer = models.Customer.objects.create(first_name="Zoë", last_name=f"Ångström {n}", **party)
        subscription = models.Subscription.objects.create(plan=plan, customer=customer, start_date=_FIRST_DAY)
        subscription.activate()
        subscription.save()
        models.MeteredFeatureUnitsLog.objects.create(
            metered_feature=seats,
            subscription=subscription,
            consumed_units=Decimal(SEATS),
            start_date=_FIRST_DAY,
            end_date=_LAST_DAY,
        )


class _Stopwatch:
    """Adds up the time inside SQLite."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            self.seconds += time.perf_counter() - started


def one_round() -> Round:
    """The month's drafts of all customers, timed; what an earlier round made is deleted first."""
    from django.core.management import call_command
    from django.db import connection
    from silver import models

    for kind in (models.DocumentEntry, models.BillingLog, models.Invoice):
        kind.objects.all().delete()
    watch, ignored = _Stopwatch(), StringIO()
    with connection.execute_wrapper(watch):
        wall, cpu = time.perf_counter(), time.process_time()
        call_command("generate_docs", billing_date=_BILLING_DATE, stdout=ignored)
        wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    entries: dict[int, list[Any]] = defaultdict(list)
    for entry in models.DocumentEntry.objects.select_related("invoice").order_by("id"):
        entries[entry.invoice_id].append(entry)
    bills = {
        Bill.of(each[0].invoice.state, each[0].invoice.currency, [(e.quantity, e.total) for e in each])
        for each in entries.values()
    }
    return Round(models.Invoice.objects.count(), wall_s, cpu_s, watch.seconds, tuple(bills))


def main() -> None:
    """Say ``ready`` once everything stands; then a round for each line that comes in, until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what silver prints is no answer
    start()
    fill()
    one_round()  # templates are compiled, caches filled
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        print(one_round().to_line(), file=answers, flush=True)


if __name__ == "__main__":
    main()
