/** The reports that there are: what each tells, and what it can be asked. The API has the definitions (docs/finance.md). */

const PERIOD = [
  { name: "from", label: "From", type: "date" }, { name: "to", label: "to, not included", type: "date" },
];
const CLOCK = { name: "testClock", label: "Test clock" };
const AS_OF = { name: "asOf", label: "As of", type: "instant" };
const choice = (name, label, values) => ({ name, label, type: "select", options: values.map((each) => [each, each.replaceAll("_", " ")]) });

/** name -> {title, text, filters, scope?, whole?: the period is of whole months} */
export const REPORTS = {
  revenue: { title: "Revenue", text: "Net billings and collections: billed, credited, collected, given back, disputed, written off.",
    filters: [...PERIOD, choice("per", "A row for each", ["month", "day"]), choice("by", "Divided by", ["plan", "component", "customer", "country"]), CLOCK] },
  recognition: { title: "Recognised and deferred", text: "What is earned of what was billed, by the second of each line's period.", whole: true,
    filters: [...PERIOD, choice("by", "Divided by", ["plan", "component", "customer"]), choice("rows", "Rows", ["months", "lines", "waterfall"]), CLOCK] },
  mrr: { title: "MRR", text: "Monthly recurring revenue and how it moved: new, expansion, contraction, churn.",
    filters: [...PERIOD, choice("interval", "A row for each", ["month", "day"]), CLOCK] },
  "mrr-movements": { title: "MRR, movement by movement", text: "Each movement with its subscription and reason.", filters: [...PERIOD, { name: "customer", label: "Customer" }, CLOCK] },
  retention: { title: "Churn and retention", text: "Churn rate, gross and net revenue retention.", whole: true, filters: [...PERIOD, choice("over", "Over", ["month", "year"]), CLOCK] },
  cohorts: { title: "Cohorts", text: "What is left of the customers of each month.", whole: true, filters: [...PERIOD, CLOCK] },
  aging: { title: "Who owes what", text: "Open invoices at the end of a day, by how late they are.",
    filters: [{ name: "asOf", label: "End of", type: "date" }, choice("rows", "Rows", ["customers", "invoices", "currencies"]), CLOCK] },
  tax: { title: "Tax", text: "By jurisdiction, rate and treatment: what to file.", filters: [...PERIOD, choice("rows", "Rows", ["taxes", "lines"]), CLOCK] },
  usage: { title: "Usage billed", text: "What was billed of usage, late, or rejected.", filters: [...PERIOD, CLOCK] },
  "trial-balance": { title: "Trial balance", text: "Debits, credits and balance of each account.", filters: [AS_OF, CLOCK] },
  payouts: { title: "Payouts to the bank", text: "Which bank deposit is made of what.", scope: "platform",
    filters: [PERIOD[0], { ...PERIOD[1], name: "until" }, choice("rows", "Rows", ["payouts", "transactions"])] },
  reconciliation: { title: "Reconciliation", text: "How the books of all tenants agree with Stripe's account.", scope: "platform", filters: [], csv: false },
};
