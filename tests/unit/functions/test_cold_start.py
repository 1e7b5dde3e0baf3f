"""Issue 12: what a function does before its first request is what it needs for one, and nothing else."""

import ast
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[3]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
WRITTEN = {
    "report_worker": {"exports.kinds", "reports.writers", "imports.api", "imports.reading"},
    "portal": {"portal"},  # what a form of billing details says
}
"""What goes into files that a worker writes, and comes out of those that it reads."""
PRELOADED = ("events", "base")
"""What every function may have: the presenters, which import nothing, and what all shapes are made of."""
OBJECTS = {
    "CUSTOMER": ("Customers", "customers"),
    "SUBSCRIPTION": ("Subscriptions", "subscriptions"),
    "INVOICE": ("Invoices", "invoicing.invoices"),
    "PAYMENT": ("Payments", "payments.payment"),
    "REFUND": ("Refunds", "payments.refund"),
    "DISPUTE": ("Disputes", "payments.dispute"),
    "CREDIT_NOTE": ("CreditNotes", "invoicing.credit_notes"),
    "COUPON": ("Redemptions", "catalog.coupons"),
    "USAGE": ("UsageRejections", "usage.rejections"),
    "TEST_CLOCK": ("TestClocks", "clocks"),
    "REPORT_RUN": ("ReportRuns", "reports.runs"),
    "ORDER": ("Orders", "marketplace.orders"),
    "EARNING": ("Earnings", "marketplace.payouts"),
    "PAYOUT": ("Payouts", "marketplace.payouts"),
    "PROVIDER_ACCOUNT": ("ProviderAccounts", "marketplace.provider_accounts"),
    "RECONCILIATION": ("Reconciliations", "reports.reconciliation"),
    "WEBHOOK_ENDPOINT": ("WebhookEndpoints", "webhooks.endpoints"),
    "WEBHOOK_REDELIVERY": ("WebhookRedeliveries", "webhooks.deliveries"),
}
"""Where an event's object is kept, and where its shape is, by how the event's name begins."""
CHILD = """
import gc, importlib, json, os, socket, sys
gc.disable()  # what is imported stays, and nobody looks through it again and again
import botocore.session, pydantic, pynamodb.models
import aws_lambda_powertools.event_handler  # what takes long, and nobody looks for

def refuse(*_):
    raise AssertionError("an import connects")

def report(name):
    importlib.import_module(name)
    from billing.bootstrap import storage
    from billing.integrations.aws import clients
    made = []
    create = clients.aws_session().create_client
    clients.aws_session().create_client = lambda service, **_: made.append(service)
    for service in ("kms", "secretsmanager", "sqs"):
        clients.aws_client(service)
    return {
        "modules": [
            name for name in sys.modules if name.startswith(("billing.", "babel.numbers", "segno", "stripe.", "typst"))
        ],
        "clients": [name for name in ("kms", "secretsmanager", "sqs") if name not in made],
        "dynamodb": storage.database.cache_info().currsize,
    }

socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
for name in sys.argv[1:]:
    if os.fork() == 0:
        print(json.dumps(report(f"functions.{name}.handler")), flush=True)
        os._exit(0)
    if os.wait()[1] != 0:
        sys.exit(f"functions/{name} cannot be imported")
"""


@cache
def all_imported() -> dict[str, dict[str, Any]]:
    """What is there after each function's import in a process of its own, in which nobody may connect.

    The processes are forks of one that has the libraries which all functions have, and nothing of the product.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TABLES", "PYTHON"))}
    env = kept | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "KMS_KEY_ID": "key",
        "POWERTOOLS_SERVICE_NAME": "test",
        "PYTHONPATH": f"{ROOT / 'layers/shared'}{os.pathsep}{ROOT}",
    }
    command = [sys.executable, "-c", CHILD, *FUNCTIONS]
    done = subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return dict(zip(FUNCTIONS, map(json.loads, done.stdout.splitlines()), strict=True))


def imported(name: str) -> dict[str, Any]:
    return all_imported()[name]


@cache
def functions() -> dict[str, Any]:
    """What infra says about each function, by the name of its folder."""
    parts = [YAML().load(path).get("functions") or {} for path in sorted((ROOT / "infra").glob("*.yaml"))]
    return {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): says for part in parts for name, says in part.items()}


def function(name: str) -> dict[str, Any]:
    return dict(functions()[name])


def schemas_of(name: str) -> set[str]:
    """The modules of schemas that a function has, without the packages that they are in."""
    found = {each.removeprefix("billing.schemas.") for each in imported(name)["modules"] if "billing.schemas." in each}
    return {each for each in found if (ROOT / f"layers/shared/billing/schemas/{each.replace('.', '/')}.py").exists()}


def source_of(module: str) -> ast.Module:
    path = ROOT / "layers/shared" / (module.replace(".", "/") + ".py")
    return ast.parse(path.read_text())


def imports_of(tree: ast.Module) -> set[str]:
    """The modules of schemas that a source imports, in a function or out of it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("billing.schemas."):
            module = node.module.removeprefix("billing.schemas.")
            is_package = (ROOT / "layers/shared/billing/schemas" / module.replace(".", "/")).is_dir()
            found |= {f"{module}.{each.name}" for each in node.names} if is_package else {module}
    return found


def written_by(name: str) -> set[str]:
    """The tables into which a function may put an item."""
    grants = [grant["on"] for grant in function(name).get("allow", {}).values() if "PutItem" in grant["do"]]
    return {str(each) for on in grants for each in ([on] if isinstance(on, str) else on)}


def announced_by(name: str) -> set[str]:
    """The schemas of what a function may emit events of: its services name them, and it may write object and event."""
    tables = written_by(name)
    if "Events" not in tables:
        return set()
    found = set()
    for module in imported(name)["modules"]:
        if (
            not module.startswith("billing.services.")
            or not (ROOT / "layers/shared" / (module.replace(".", "/") + ".py")).exists()
        ):
            continue
        names = {
            node.attr
            for node in ast.walk(source_of(module))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "EventType"
        }
        found |= {
            place
            for kind, (table, place) in OBJECTS.items()
            if table in tables and any(each.startswith(kind) for each in names)
        }
    return found


def with_what_they_import(schemas: set[str]) -> set[str]:
    """Schemas, those that they are made of, and so on."""
    found, todo = set(), set(schemas)
    while todo:
        each = todo.pop()
        found.add(each)
        todo |= imports_of(source_of(f"billing.schemas.{each}")) - found
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_issue_12_a_function_has_the_schemas_of_its_routes_and_events_and_no_others(name: str) -> None:
    """Each costs milliseconds of every cold start; and one that is missing would cost them in a request."""
    own = imports_of(ast.parse((ROOT / f"functions/{name}/handler.py").read_text()))
    needed = with_what_they_import(own | announced_by(name) | WRITTEN.get(name, set())) - {"events"}
    assert schemas_of(name) - {*PRELOADED} <= needed
    assert needed - {*PRELOADED} <= schemas_of(name)


def test_issue_12_functions_differ_in_their_schemas() -> None:
    """The law above holds of something: billers have many, a customer's function its own, documents what it states."""
    assert {"invoicing.invoices", "invoicing.credit_notes", "clocks"} <= schemas_of("billing_worker")
    assert schemas_of("customers") == {"base", "customers", "events", "parameters", "portal"}
    shown = {"marketplace.statements", "marketplace.reports"}
    assert schemas_of("documents") == {"base", "csv_table", "events", "parameters"} | shown


def granted(name: str) -> set[str]:
    """The services whose actions its own grants, or a policy that it shares, let a function call."""
    says = function(name)
    text = json.dumps(says.get("allow", {}))
    found = {each.partition(":")[0] for each in ("kms:", "secretsmanager:", "sqs:SendMessage") if each in text}
    shared = {"KeyPolicy": "kms", "TaxPolicy": "secretsmanager", "EventStreamPolicy": "sqs"}
    return found | {service for policy, service in shared.items() if policy in says.get("policies", ())}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_issue_12_a_function_makes_the_clients_that_it_may_use_at_its_import(name: str) -> None:
    """One that is made in the first request is not in SnapStart's snapshot; one that is not used only costs."""
    may = granted(name)
    if name in ("billing_sweep", "event_feed"):
        may -= {"kms"}  # granted for the queue's own key, or the table's: the function itself seals and opens nothing
    found = imported(name)
    assert set(found["clients"]) == may
    assert found["dynamodb"] == (name not in ("billing_sweep", "dashboard"))


def test_issue_12_who_prints_when_asked_has_typst_babel_and_its_templates_at_import_and_nobody_else_has() -> None:
    """A restored snapshot prints at once; JSON does not pay for it."""
    printing = {name for name in FUNCTIONS if "typst" in imported(name)["modules"]}
    assert printing == {"documents", "payer", "portal"}
    assert {"babel.numbers", "segno", "billing.integrations.pdf.contents"} <= set(imported("documents")["modules"])


def test_issue_13_who_prints_invoices_has_what_writes_e_invoices_at_import_and_nobody_else_has() -> None:
    """Decision 0033: 20 ms that a restored snapshot has spent already."""
    writing = {name for name in FUNCTIONS if "billing.integrations.einvoice.cii" in imported(name)["modules"]}
    assert writing == {"documents", "payer", "portal"}


def test_issue_12_stripes_objects_are_there_where_stripe_is_called_and_nowhere_else() -> None:
    """The SDK imports an object's class when the first one comes: in a request, if nobody asks before."""
    for name in FUNCTIONS:
        modules = set(imported(name)["modules"])
        calls = "billing.integrations.stripe.gateway" in modules
        assert calls == ("stripe._payment_intent" in modules), name


def test_18_the_dashboard_starts_with_python_and_its_own_four_modules() -> None:
    """It serves files: what the others wait for at their start is not even looked at."""
    child = (
        "import sys; before = set(sys.modules); import functions.dashboard.handler;"
        "print(*sorted({each.partition('.')[0] for each in set(sys.modules) - before}));"
        "print(*sorted(each for each in sys.modules if each.startswith('billing.') and each.count('.') > 1))"
    )
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'layers/shared'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", child]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True, timeout=60)
    packages, modules = done.stdout.splitlines()
    assert set(packages.split()) - sys.stdlib_module_names <= {"billing", "functions"}
    assert modules.split() == [
        "billing.bootstrap.dashboard",
        "billing.edge.http",
        "billing.edge.http.compression",
        "billing.edge.http.static",
    ]
