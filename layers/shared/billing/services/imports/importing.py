"""Imports: each object of a file is one unit of work, noted as taken over in the commit that makes ours.

    read the file ──> customers ──> plans ──> subscriptions; a row with its verdict for each

A run (``services.reports.running``) goes through them step by step, and a step that is cut off is done again: what its
first half took over exists then, and is told as this run's. A dry run reads the same and writes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from billing.domain.catalog.plan import Plan, PlanKey, unchargeable
from billing.domain.customers.customer import Customer, PaymentMethod
from billing.domain.imports.source import (
    Imported,
    Kind,
    PlanHere,
    Problem,
    Record,
    SourceCustomer,
    SourcePlan,
    SourceSubscription,
    Verdict,
    imported_id,
)
from billing.domain.kernel.entity import Entity
from billing.domain.kernel.errors import ValidationFailed
from billing.domain.kernel.event_types import EventType
from billing.domain.reports.run import ReportRun
from billing.domain.reports.table import Column, Row
from billing.domain.subscriptions.lifecycle import with_alarm
from billing.domain.subscriptions.mrr import recounted
from billing.domain.subscriptions.subscription import Subscription
from billing.domain.subscriptions.taking_over import Opening, taken_over
from billing.services.catalog.plans import plan_refs, version_ref
from billing.services.clocks.shards import DueShards
from billing.services.imports.asking import CARDS, DRY_RUN, SourceFile, files_of
from billing.services.imports.cards import SavedCards
from billing.services.kernel import external_ids
from billing.services.kernel.retries import run_again
from billing.services.kernel.work import Found, Ref, Unit, Units, Work
from billing.services.reports.files import Files
from billing.services.reports.writing import Item, Sheet

E = TypeVar("E", bound=Entity)
Reader = Callable[[Sequence[SourceFile]], list[Record]]
STEP = 500
"""Records a step: what a step that was cut off did is only read again, but each turn begins with the whole file."""
STEP_WITH_CARDS = 50
"""Each customer is asked about at Stripe, which may take seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a record, or would.

    Args:
        id: of ours; None where there is none.
        made: ours, as it is stored or would be; what the totals count.
        has_cards: cards of a customer came along, or would.
    """

    verdict: Verdict
    id: str | None = None
    problems: tuple[Problem, ...] = ()
    note: str | None = None
    made: Customer | Plan | Subscription | None = None
    has_cards: bool = False


@dataclass(frozen=True, slots=True)
class Imports:
    """``services.reports.writing.Imports``.

    Args:
        readers: by the source's name.
        write: the row of a record, as it stands in the file of verdicts.
        cards: takes saved cards over, where a run wants them.
        shards: of the due index, for the alarms of subscriptions.
        kept: the records of the run whose steps this worker takes.
    """

    units: Units
    files: Files
    readers: Mapping[str, Reader]
    columns: tuple[Column, ...]
    write: Callable[[Record, Outcome], Row]
    cards: SavedCards
    shards: DueShards
    jitter: Callable[[], float]
    pause: Callable[[float], None]
    kept: dict[str, list[Record]] = field(default_factory=dict)

    def sheet(self, run: ReportRun) -> Sheet | None:
        """The records of a run's file, each taken over when its row is asked for.

        Returns:
            None where nothing is there to be read (yet).

        Raises:
            ValidationFailed: the file cannot be read at all.
        """
        records = self._records(run)
        if records is None:
            return None
        one = _Import(self, run, {each.id: each for each in records if each.kind is Kind.CUSTOMER})
        most = STEP_WITH_CARDS if one.wants_cards else STEP
        return Sheet(self.columns, lambda after: self._behind(records, after), one.rows, one.tally, most)

    def _records(self, run: ReportRun) -> list[Record] | None:
        """A run's records, read once for all steps of a turn: its copy of the file never changes."""
        if run.id not in self.kept:
            files = files_of(self.files, run)
            if files is None:
                return None
            self.kept.clear()
            self.kept[run.id] = self.readers[run.request.name](files)
        return self.kept[run.id]

    def _behind(self, records: list[Record], after: str | None) -> Iterator[Item]:
        first = int(after) + 1 if after is not None else 0
        for n in range(first, len(records)):
            yield Item(str(n), records[n])
        self.kept.clear()  # what it has of people is not kept for longer


@dataclass(slots=True)
class _Import:
    """A step of one import.

    Args:
        customers: of the file, which a dry run does not make.
        tally: what it has counted: verdicts, and totals before and after.
    """

    of: Imports
    run: ReportRun
    customers: Mapping[str, Record]
    tally: dict[str, int] = field(default_factory=dict)

    def rows(self, record: Record) -> Iterable[Row]:
        """Take a record over."""
        unit = self.of.units.begin(self.run.tenant_id)

        def once() -> Outcome:
            found = self._outcome(unit, record)
            if found.verdict is Verdict.CREATED:
                unit.commit()
            return found

        outcome = run_again(unit, once, self.of.jitter, self.of.pause)
        if self.wants_cards and isinstance(record.item, SourceCustomer):
            outcome = self._with_cards(record.item, outcome)
        outcome = replace(outcome, note=outcome.note or record.note)
        self._count(record, outcome)
        return (self.of.write(record, outcome),)

    def _with_cards(self, item: SourceCustomer, outcome: Outcome) -> Outcome:
        """The outcome of a customer, with what came along of its cards: behind its own commit, which gave it its id."""
        customer = outcome.made
        if not isinstance(customer, Customer):
            return outcome
        if self._is_dry:
            found = self.of.cards.look(customer, item.id)
        else:
            found = self.of.cards.take(customer.tenant_id, customer.id, item.id)
        return replace(outcome, note=found.note, has_cards=found.any)

    def _count(self, record: Record, outcome: Outcome) -> None:
        self._add(outcome.verdict.value, 1)
        item = record.item
        if isinstance(item, SourceCustomer):
            self._add("before:customers", 1)
        if isinstance(item, SourceSubscription):
            self._add("before:subscriptions", 1)
            self._add(f"before:mrr:{item.per_month.currency}", item.per_month.micros if _counts(item) else 0)
        if isinstance(outcome.made, Customer):
            self._add("after:customers", 1)
            self._add("cards", 1 if outcome.has_cards else 0)
        if isinstance(outcome.made, Subscription):
            self._add("after:subscriptions", 1)
            mrr = outcome.made.mrr
            if mrr is not None:
                self._add(f"after:mrr:{mrr.currency}", mrr.amount.micros if mrr.counts else 0)

    def _add(self, name: str, value: int) -> None:
        self.tally[name] = self.tally.get(name, 0) + value

    @property
    def wants_cards(self) -> bool:
        """Whether saved cards are to come along."""
        return CARDS in self.run.request.options

    @property
    def _is_dry(self) -> bool:
        return self.run.request.options.get(DRY_RUN) == "1"

    def _outcome(self, unit: Unit, record: Record) -> Outcome:
        if record.ignored is not None:
            return Outcome(Verdict.IGNORED, note=record.ignored)
        item = record.item
        if item is None:
            return Outcome(Verdict.REFUSED, problems=record.problems)
        try:
            if isinstance(item, SourceCustomer):
                return self._customer(unit, item)
            if isinstance(item, SourcePlan):
                return self._plan(unit, item)
            return self._subscription(unit, item)
        except ValidationFailed as error:
            found = error.details or ()
            return Outcome(Verdict.REFUSED, problems=tuple(Problem(e.field, e.reason, error.message) for e in found))

    def _customer(self, unit: Unit, item: SourceCustomer) -> Outcome:
        note = self._note(unit, Kind.CUSTOMER, item.id)
        claim = external_ids.claim_ref(unit.tenant.id, Customer, item.external_id)
        found = unit.load(note, claim)
        there = self._there(unit, found, note, claim, Customer)
        if there is not None:
            return there
        made = customer_of(unit, item, unit.fresh_id("cus"))
        if self._is_dry:
            return Outcome(Verdict.WOULD_CREATE, made=made)
        external_ids.take(unit, found, Customer, made.id, item.external_id)
        made = unit.save(made)
        unit.emit(EventType.CUSTOMER_CREATED, made)
        return self._noted(unit, note, made)

    def _plan(self, unit: Unit, item: SourcePlan) -> Outcome:
        wanted = plan_of(unit, item)
        bad = unchargeable(wanted.components, wanted.currency)
        if bad:
            text = f"No card can be charged it in {wanted.currency}"
            return Outcome(Verdict.REFUSED, problems=tuple(Problem(e, "not_chargeable_in_currency", text) for e in bad))
        ref, note = _plan_ref(unit, item), self._note(unit, Kind.PLAN, item.id)
        found = unit.load(ref, note)
        there = found.get(ref)
        if there is not None and not _same_terms(there, wanted):
            text = f"The plan {there.id} there is has other prices"
            return Outcome(Verdict.REFUSED, problems=(Problem("id", "plan_differs", text),))
        if there is not None:
            return self._existing(found.get(note), there.id, there)
        if self._is_dry:
            return Outcome(Verdict.WOULD_CREATE, made=wanted)
        return self._noted(unit, note, unit.save(wanted))

    def _subscription(self, unit: Unit, item: SourceSubscription) -> Outcome:
        note = self._note(unit, Kind.SUBSCRIPTION, item.id)
        external_id = item.external_id or item.id
        claim = external_ids.claim_ref(unit.tenant.id, Subscription, external_id)
        of_customer = self._note(unit, Kind.CUSTOMER, item.customer_id)
        customers_claim = external_ids.claim_ref(unit.tenant.id, Customer, item.customer_id)
        plans = _plan_refs(unit, item.plan)
        card_ref = Ref(PaymentMethod, unit.tenant.id, item.payment_method_id or "")
        cards = [card_ref] if self.wants_cards and item.payment_method_id else []
        found = unit.load(note, claim, of_customer, customers_claim, *plans, *cards)
        there = self._there(unit, found, note, claim, Subscription)
        if there is not None:
            return there
        customer = self._of_customer(unit, found, of_customer, customers_claim, item)
        plan = next((each for each in map(found.get, plans) if each is not None), None)
        if plan is None and self._is_dry and isinstance(item.plan, SourcePlan):
            plan = plan_of(unit, item.plan)
        problems = _misfits(customer, plan, item)
        if problems or customer is None or plan is None:
            return Outcome(Verdict.REFUSED, problems=problems)
        opening = Opening(
            _quantities(plan, item), item.state, item.anchor, item.period, item.began_at, item.cancel_at_period_end,
            item.resumes_at, item.discount, external_id, item.metadata, _usable(found.get(card_ref), customer),
        )  # fmt: skip
        made = taken_over(unit.fresh_id("sub"), customer, plan, opening, unit.now)
        if self._is_dry:
            return Outcome(Verdict.WOULD_CREATE, made=recounted(made, None, unit.now))
        unit.rely_on(
            customer
        )  # one that is deleted meanwhile begins nothing; nor does it lose the card that is charged
        external_ids.take(unit, found, Subscription, made.id, external_id)
        made = unit.save(with_alarm(made, self.of.shards.of(made)))
        unit.emit(EventType.SUBSCRIPTION_CREATED, made)
        return self._noted(unit, note, made)

    def _of_customer(
        self, unit: Unit, found: Found, note: Ref[Imported], claim: Ref[Any], item: SourceSubscription
    ) -> Customer | None:
        """Its customer: taken over, or one of ours that has its id; in a dry run also the file's."""
        noted, claimed = found.get(note), found.get(claim)
        owner = noted.owner_id if noted is not None else claimed.owner_id if claimed is not None else None
        if owner is not None:
            ref = Ref(Customer, unit.tenant.id, owner)
            return unit.load(ref).get(ref)
        record = self.customers.get(item.customer_id)
        if not self._is_dry or record is None or not isinstance(record.item, SourceCustomer):
            return None
        return customer_of(unit, record.item, "cus_would_be")

    def _there(self, unit: Unit, found: Found, note: Ref[Imported], claim: Ref[Any], kind: type[E]) -> Outcome | None:
        """What was taken over already, by this run or another; or has the source's id, whoever made it."""
        noted, claimed = found.get(note), found.get(claim)
        owner = noted.owner_id if noted is not None else claimed.owner_id if claimed is not None else None
        if owner is None:
            return None
        ref = Ref(kind, unit.tenant.id, owner)
        made: Any = unit.load(ref).get(ref)
        return self._existing(noted, owner, made)

    def _existing(self, noted: Imported | None, owner: str, made: Any) -> Outcome:
        mine = noted is not None and noted.run_id == self.run.id
        return Outcome(Verdict.CREATED if mine else Verdict.EXISTS, owner, made=made)

    def _note(self, unit: Work, kind: Kind, source_id: str) -> Ref[Imported]:
        return Ref(Imported, unit.tenant.id, imported_id(self.run.request.name, kind, source_id))

    def _noted(self, unit: Work, note: Ref[Imported], made: Customer | Plan | Subscription) -> Outcome:
        unit.save(Imported(note.id, note.tenant_id, made.id, self.run.id, unit.now))
        return Outcome(Verdict.CREATED, made.id, made=made)


def customer_of(unit: Work, item: SourceCustomer, customer_id: str) -> Customer:
    """A customer of the source as ours."""
    return Customer(
        id=customer_id,
        tenant_id=unit.tenant.id,
        name=item.name,
        currency=item.currency or unit.tenant.currency,
        timezone=item.timezone or unit.tenant.timezone,
        created_at=unit.now,
        email=item.email,
        address=item.address,
        tax_id=item.tax_id,
        metadata=item.metadata,
        tax_exempt=item.tax_exempt,
        locale=item.locale,
        net_terms_days=item.net_terms_days,
        po_number=item.po_number,
        custom_fields=item.custom_fields,
        external_id=item.external_id,
    )


def plan_of(unit: Work, item: SourcePlan) -> Plan:
    """A plan of the source as ours, at version 1."""
    return Plan(
        id=item.plan_id,
        tenant_id=unit.tenant.id,
        plan_version=1,
        name=item.name,
        currency=item.currency,
        interval=item.interval,
        interval_count=item.interval_count,
        components=item.components,
        created_at=unit.now,
        tax_behavior=item.tax_behavior,
        trial_days=item.trial_days,
        proration_unit=item.proration_unit,
        pause_billing=item.pause_billing,
    )


def _plan_ref(unit: Work, item: SourcePlan) -> Ref[Plan]:
    """The first version, which never changes: what is sold under the id now may be another one."""
    return version_ref(PlanKey(unit.tenant.id, item.plan_id, 1))


def _plan_refs(unit: Work, plan: SourcePlan | PlanHere) -> list[Ref[Plan]]:
    """Where the plan of a subscription may be, the first one first."""
    return list(plan_refs(unit.tenant.id, plan.plan_id)) if isinstance(plan, PlanHere) else [_plan_ref(unit, plan)]


def _quantities(plan: Plan, item: SourceSubscription) -> Mapping[str, int]:
    """By the plan's components; a quantity that the source does not say of which is that of the only one.

    Raises:
        ValidationFailed: there is not only one.
    """
    said = item.plan.quantity if isinstance(item.plan, PlanHere) else None
    if said is None:
        return item.quantities
    keys = plan.licensed_keys
    if len(keys) != 1:
        text = f"The plan {plan.id} has {len(keys)} components with a quantity: say `quantities`"
        raise ValidationFailed.of("quantity", "not_one_component", text)
    return {keys[0]: said}


def _same_terms(ours: Plan, wanted: Plan) -> bool:
    def terms(plan: Plan) -> tuple[object, ...]:
        return plan.currency, plan.interval, plan.interval_count, plan.components, plan.tax_behavior

    return terms(ours) == terms(wanted)


def _misfits(customer: Customer | None, plan: Plan | None, item: SourceSubscription) -> tuple[Problem, ...]:
    found = []
    if customer is None:
        found.append(Problem("customer", "not_found", "Its customer is neither in the file nor taken over"))
    elif customer.deleted_at is not None:
        found.append(Problem("customer", "deleted", "Its customer was deleted"))
    elif customer.currency != item.plan.currency:
        text = f"Its prices are in {item.plan.currency}, its customer in {customer.currency}"
        found.append(Problem("currency", "currency_mismatch", text))
    if plan is None:
        found.append(Problem("items", "plan_not_found", "Its plan is neither here nor taken over"))
    elif isinstance(item.plan, PlanHere):
        found += _misfits_here(plan, item.plan)
    elif plan.components != item.plan.components:
        found.append(Problem("items", "plan_differs", f"The plan {plan.id} there is has other prices"))
    return tuple(found)


def _misfits_here(plan: Plan, said: PlanHere) -> Iterator[Problem]:
    if plan.currency != said.currency:
        text = f"It is in {said.currency}, and the plan {plan.id} in {plan.currency}"
        yield Problem("currency", "currency_mismatch", text)
    if plan.meters:
        yield Problem("planId", "metered", "What was used before it is taken over would be billed here as well")


def _usable(card: PaymentMethod | None, customer: Customer) -> str | None:
    """The card that a subscription is charged to, where it came along with its customer; else that one's default is."""
    if card is None or card.customer_id != customer.id or card.detached_at is not None:
        return None
    return card.id


def _counts(item: SourceSubscription) -> bool:
    """Whether it is monthly recurring revenue: neither a trial nor a pause is."""
    return item.state.value == "active"
