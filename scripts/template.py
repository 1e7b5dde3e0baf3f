"""``make template``: writes template.yaml from the parts in infra/; ``--check`` exits 1 where it is stale.

A part has any of these keys; what they mean in CloudFormation is said here, once:

    policies    a managed policy that functions share; one that denies something is every function's
    functions   a Lambda: role, log group, routes under both prefixes, only the variables that it needs
    queues      an SQS queue with its dead letters
    tables      a DynamoDB table, its name among TABLES and its output
    alarms      a CloudWatch alarm
    dashboards  a CloudWatch dashboard, row by row
    resources, outputs, and in stack.yaml the rest of a template: as CloudFormation has them

A grant ``Read: { do: BatchGetItem, on: [Plans, Payments/by_due] }`` is an IAM statement: actions without a service are
DynamoDB's, a table's name is its ARN, ``Table/index`` an index's, ``Bucket/prefix/*`` are objects of a bucket, and the
rest is taken as it stands. A function gets the names of exactly those tables that it, or a policy that it shares, may
touch.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from io import StringIO
from pathlib import Path

from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar

from scripts.template_dashboard import dashboard
from scripts.template_properties import gradual, key_schema, log_group
from scripts.template_yaml import (
    Json,
    as_list,
    condition,
    dashed,
    flow,
    in_line,
    intrinsic,
    loader,
    tagged,
    tags,
    under,
)

ROOT = Path(__file__).resolve().parent.parent
INFRA, TARGET = ROOT / "infra", ROOT / "template.yaml"
PARTS = (
    "keys", "layers", "edge", "customers", "search", "catalog", "subscriptions", "invoicing", "payments", "marketplace",
    "providers", "usage", "reports", "tax", "tenants", "access", "oauth", "payer", "clocks", "sweep", "webhooks",
    "service", "alarms", "dashboard", "tables",
)  # fmt: skip
"""The order in which they stand in the template; stack.yaml comes first."""
PREFIXES = ("/v1/", "/api/v1/")
ROUTED = {"routes", "root_routes", "default_route"}
"""Keys of functions that answer requests."""
VARIABLES = {
    "StripeSecret": {"STRIPE_SECRET_ID": "StripeSecret", "STRIPE_API_BASE": "StripeApiBase"},
    "TaxSecret": {"TAX_SECRET_ID": "TaxSecret", "TAXJAR_API_BASE": "TaxJarApiBase"},
    "BillingQueue.Arn": {"BILLING_QUEUE_URL": "BillingQueue"},
    "ClockQueue.Arn": {"CLOCK_QUEUE_URL": "ClockQueue"},
    "UsageQueue.Arn": {"USAGE_QUEUE_URL": "UsageQueue"},
    "PayoutQueue.Arn": {"PAYOUT_QUEUE_URL": "PayoutQueue"},
    "WebhookWorkQueue.Arn": {"WEBHOOK_WORK_QUEUE_URL": "WebhookWorkQueue"},
    "WebhookQueue.Arn": {"WEBHOOK_QUEUE_URL": "WebhookQueue"},
    "WebhookSlowQueue.Arn": {"WEBHOOK_SLOW_QUEUE_URL": "WebhookSlowQueue"},
    "StreamFailures.Arn": {"STREAM_FAILURES_URL": "StreamFailures"},
    "ReportQueue.Arn": {"REPORT_QUEUE_URL": "ReportQueue"},
    "ReportFiles": {"REPORT_BUCKET": "ReportFiles"},
}
"""The variables that go with a grant, beside those of tables: a function has 4 KB for all of them."""
API_ROUTES = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"
INVOCATIONS = (  # of the alias that SAM names so
    "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${%sFunctionAliaslive}/invocations"
)
NO_RESERVE = "Reserved concurrency carves up the account's pool; where strangers can call, it is a parameter."
SYNCHRONOUS = "Invoked synchronously; a dead-letter queue only takes asynchronous invocations."
NO_VPC = "No VPC - what it calls are public endpoints, authenticated by IAM or TLS."
HEADER = """\
# Written by `make template` from the parts in infra/: change those, not this file. tests/unit/infra holds it current.
# Read docs/architecture.md first. Rules of this template:
#  - every function has a role of its own; a function that only reads a table may not write it;
#  - nothing is named by hand where a name would block a replacement (tables, queues, the secrets);
#  - the local stack (make run) deploys this same file: no conditions on "local" in here.
"""


class Template:
    """What the parts add up to."""

    def __init__(self, stack: CommentedMap, parts: Mapping[str, CommentedMap]) -> None:
        self.stack, self.parts = stack, parts
        self.tables = list(parts["tables"]["tables"])
        self.buckets = [
            name
            for part in parts.values()
            for name, each in part.get("resources", {}).items()
            if each["Type"] == "AWS::S3::Bucket"
        ]
        self.shared: dict[str, CommentedMap] = {
            name: policy.get("allow", {})
            for part in parts.values()
            for name, policy in part.get("policies", {}).items()
        }
        self.for_all = [
            name for part in parts.values() for name, policy in part.get("policies", {}).items() if "deny" in policy
        ]
        self.resources = CommentedMap()
        self.outputs = CommentedMap()
        self.paths = CommentedMap()

    def made(self) -> CommentedMap:
        """The whole template."""
        for name, part in self.parts.items():
            self._part(name, part)
        self.resources["Api"]["Properties"]["DefinitionBody"] = self._definition()
        whole = self.stack
        whole["Resources"], whole["Outputs"] = self.resources, self.outputs
        return whole

    def _part(self, name: str, part: CommentedMap) -> None:
        first = len(self.resources)
        makers = {
            "policies": self._policy, "functions": self._function, "queues": self._queue, "tables": self._table,
            "alarms": self._alarm, "dashboards": self._dashboard,
        }  # fmt: skip
        unknown = set(part) - {"title", *makers, "resources", "outputs"}
        assert not unknown, f"infra/{name}.yaml: {unknown}"
        for key, make in makers.items():
            for each, says in part.get(key, {}).items():
                make(each, says)
        for each, resource in part.get("resources", {}).items():
            self._add(each, resource)
        for each, output in part.get("outputs", {}).items():
            self.outputs[each] = output
        if len(self.resources) > first:
            key = list(self.resources)[first]
            title = f"--- {part['title']} "
            self.resources.yaml_set_comment_before_after_key(key, title + "-" * (116 - len(title)), indent=2)

    def _add(self, name: str, resource: CommentedMap) -> None:
        assert name not in self.resources, f"{name} is there twice"
        self.resources[name] = resource

    # --- statements ---------------------------------------------------------------------------------------------

    def statements(self, grants: Mapping[str, Mapping[str, Json]], effect: str = "Allow") -> CommentedSeq:
        """IAM statements, one a grant."""
        made = CommentedSeq()
        for sid, grant in grants.items():
            actions = [each if ":" in each else f"dynamodb:{each}" for each in as_list(grant["do"])]
            targets = [self.arn(each) for each in as_list(grant["on"])]
            statement = CommentedMap(Sid=sid, Effect=effect)
            statement["Action"] = actions[0] if len(actions) == 1 else in_line(actions)
            statement["Resource"] = targets[0] if len(targets) == 1 else CommentedSeq(targets)
            if "when" in grant:
                statement["Condition"] = grant["when"]
            made.append(statement)
        return made

    def arn(self, target: str) -> TaggedScalar:
        """What a grant's ``on`` names."""
        table, _, index = target.partition("/")
        if table in self.tables and index:
            return tagged("!Sub", f"${{{table}Table.Arn}}/index/{index}")
        if table in self.tables:
            return tagged("!GetAtt", f"{table}Table.Arn")
        if table in self.buckets and index:
            return tagged("!Sub", f"${{{table}.Arn}}/{index}")
        assert not index, f"{target}: there is no such table or bucket"
        return tagged("!GetAtt" if target.endswith((".Arn", ".StreamArn")) else "!Ref", target)

    def touched(self, function: Mapping[str, Json]) -> set[str]:
        """What a function may touch, by its own grants and by those that it shares, as the parts name it."""
        grants = [function.get("allow", {}), *(self.shared[each] for each in function.get("policies", ()))]
        targets = (each for grant in grants for one in grant.values() for each in as_list(one["on"]))
        return {str(each).partition("/")[0] for each in targets}

    # --- what the keys of a part make -----------------------------------------------------------------------------

    def _policy(self, name: str, says: CommentedMap) -> None:
        """A policy that functions share."""
        statements = self.statements(says.get("allow", {}))
        statements.extend(self.statements(says.get("deny", {}), "Deny"))
        document = CommentedMap(Version="2012-10-17", Statement=statements)
        properties = CommentedMap(Description=says["description"], PolicyDocument=document)
        self._add(name, CommentedMap(Type="AWS::IAM::ManagedPolicy", Properties=properties))

    def _function(self, name: str, says: CommentedMap) -> None:
        known = {
            "description", "policies", "allow", "routes", "root_routes", "default_route", "variables", "properties",
            "events", "no_dead_letters", "snap_start",
        }  # fmt: skip
        assert set(says) <= known, f"{name}: {set(says) - known}"
        properties = CommentedMap(
            FunctionName=tagged("!Sub", f"${{AWS::StackName}}-{dashed(name)}"),
            Description=says["description"],
            CodeUri=f"functions/{under(name)}",
            Role=tagged("!GetAtt", f"{name}Role.Arn"),
            AutoPublishAliasAllProperties=True,
            LoggingConfig=CommentedMap(LogGroup=tagged("!Ref", f"{name}Log")),
        )
        if not says.get("snap_start", True):
            properties["SnapStart"] = CommentedMap(ApplyOn="None")
        properties["Environment"] = CommentedMap(Variables=self._variables(name, says))
        properties.update(says.get("properties", {}))
        if "events" in says:
            properties["Events"] = says["events"]
        if set(says) & ROUTED:
            properties["DeploymentPreference"] = gradual()
        metadata = CommentedMap(SkipBuild=True, checkov=CommentedMap(skip=self._accepted(says)))
        function = CommentedMap(Type="AWS::Serverless::Function", Metadata=metadata, Properties=properties)
        self._add(f"{name}Function", function)
        self._add(f"{name}Role", self._role(name, says))
        self._add(f"{name}Log", log_group(f"/ledgerline/${{AWS::StackName}}/{dashed(name)}"))
        self._route(name, says)

    def _variables(self, name: str, says: CommentedMap) -> CommentedMap:
        made = CommentedMap(POWERTOOLS_SERVICE_NAME=under(name))
        made.update(says.get("variables", {}))
        touched = self.touched(says)
        for variables in (of for target, of in VARIABLES.items() if target in touched):
            made.update({name: tagged("!Ref", value) for name, value in variables.items()})
        if tables := [each for each in self.tables if each in touched]:
            made["TABLES"] = table_names(tables)
        return made

    @staticmethod
    def _accepted(says: CommentedMap) -> CommentedSeq:
        """What checkov would have otherwise, and why not."""
        no_letters = says.get("no_dead_letters", SYNCHRONOUS)
        why = {"CKV_AWS_115": NO_RESERVE, "CKV_AWS_116": no_letters, "CKV_AWS_117": NO_VPC}
        return CommentedSeq(CommentedMap(id=key, comment=text) for key, text in why.items())

    def _role(self, name: str, says: CommentedMap) -> CommentedMap:
        """A role of its own instead of SAM's, whose managed policies allow ``*`` for logs and queues."""
        log = {"do": ["logs:CreateLogStream", "logs:PutLogEvents"], "on": f"{name}Log.Arn"}
        own = CommentedMap(Version="2012-10-17", Statement=self.statements({"Log": log} | dict(says.get("allow", {}))))
        trust = flow(Effect="Allow", Principal=flow(Service="lambda.amazonaws.com"), Action="sts:AssumeRole")
        shared = [tagged("!Ref", each) for each in (*says.get("policies", ()), *self.for_all)]
        properties = CommentedMap(
            AssumeRolePolicyDocument=CommentedMap(Version="2012-10-17", Statement=CommentedSeq([trust])),
            ManagedPolicyArns=CommentedSeq([*shared, condition("HasTracing", tagged("!Ref", "TracingPolicy"))]),
            Policies=CommentedSeq([CommentedMap(PolicyName="own", PolicyDocument=own)]),
            Tags=tags(),
        )
        return CommentedMap(Type="AWS::IAM::Role", Properties=properties)

    def _route(self, name: str, says: CommentedMap) -> None:
        """Send a function's paths to it, under both prefixes, any method: its own router knows those, and answers 404.

        Not by SAM's events of type HttpApi: they make a permission of each path, which were a third of all resources of
        the 500 that a stack may have. One for each function says the same, for all routes of this API are in here.
        """
        paths = []
        for route in says.get("routes", ()):
            plain = route.removesuffix("/**")
            paths += [prefix + plain for prefix in PREFIXES]
            paths += [f"{prefix}{plain}/{{proxy+}}" for prefix in PREFIXES if plain != route]
        paths += says.get("root_routes", ())
        paths += ["/$default"] if says.get("default_route") else []
        for path in paths:
            assert path not in self.paths, f"{path} is served twice"
            self.paths[path] = self._operation(name, path)
        if paths:
            permission = CommentedMap(
                Action="lambda:InvokeFunction",
                FunctionName=tagged("!Ref", f"{name}FunctionAliaslive"),
                Principal="apigateway.amazonaws.com",
                SourceArn=tagged("!Sub", API_ROUTES),
            )
            self._add(f"{name}Permission", CommentedMap(Type="AWS::Lambda::Permission", Properties=permission))

    @staticmethod
    def _operation(name: str, path: str) -> CommentedMap:
        """A path as API Gateway imports it from an OpenAPI document."""
        integration = flow(
            httpMethod="POST", type="aws_proxy", uri=tagged("!Sub", INVOCATIONS % name), payloadFormatVersion="2.0"
        )
        method = CommentedMap({"x-amazon-apigateway-integration": integration, "responses": flow()})
        if path == "/$default":
            method["isDefaultRoute"] = True
        names = re.findall(r"{([^}]+)}", path)
        if names:
            method["parameters"] = CommentedSeq(
                flow(**{"name": each, "in": "path", "required": True}) for each in names
            )
        return CommentedMap({"x-amazon-apigateway-any-method": method})

    def _definition(self) -> CommentedMap:
        """The routes of the API, as an OpenAPI document."""
        info = CommentedMap(title=tagged("!Ref", "AWS::StackName"), version="1.0")
        return CommentedMap(openapi="3.0.1", info=info, paths=self.paths)

    def _queue(self, name: str, says: CommentedMap) -> None:
        """A queue and its dead letters, which are kept for as long as SQS keeps anything."""
        letters = f"{name}DeadLetters"
        queue = self._queue_properties(says, says["properties"])
        queue["RedrivePolicy"] = CommentedMap(
            deadLetterTargetArn=tagged("!GetAtt", f"{letters}.Arn"), maxReceiveCount=says["tries"]
        )
        dead = self._queue_properties(says, {"MessageRetentionPeriod": 1209600})
        for each, properties in ((f"{name}Queue", queue), (letters, dead)):
            resource = CommentedMap(Type="AWS::SQS::Queue")
            if says.get("retained"):
                resource.update(DeletionPolicy="RetainExceptOnCreate", UpdateReplacePolicy="Retain")
            resource["Properties"] = properties
            self._add(each, resource)
            self.outputs[f"{each}Url"] = CommentedMap(Value=tagged("!Ref", each))
        watch = CommentedMap(AlarmDescription=says["alarm"], Namespace="AWS/SQS")
        watch["MetricName"] = "ApproximateNumberOfMessagesVisible"
        watch["Dimensions"] = CommentedSeq([flow(Name="QueueName", Value=tagged("!GetAtt", f"{letters}.QueueName"))])
        watch.update(Statistic="Maximum", Period=60, EvaluationPeriods=1, Threshold=0)
        self._alarm(f"{name}DeadLetter", watch)

    @staticmethod
    def _queue_properties(says: CommentedMap, own: Mapping[str, Json]) -> CommentedMap:
        properties = CommentedMap(FifoQueue=True) if says.get("fifo") else CommentedMap()
        properties.update(own)
        properties["KmsMasterKeyId"] = tagged("!GetAtt", "Key.Arn")
        properties["KmsDataKeyReusePeriodSeconds"] = 3600
        properties["Tags"] = tags()
        return properties

    def _alarm(self, name: str, says: Mapping[str, Json]) -> None:
        properties = CommentedMap(says)
        properties["AlarmDescription"] = f"{says['AlarmDescription']} - runbook {name}Alarm in docs/operations.md"
        properties.setdefault("ComparisonOperator", "GreaterThanThreshold")
        properties.setdefault("TreatMissingData", "notBreaching")
        properties["AlarmActions"] = condition("HasAlarmTopic", in_line([tagged("!Ref", "AlarmTopicArn")]))
        self._add(f"{name}Alarm", CommentedMap(Type="AWS::CloudWatch::Alarm", Properties=properties))

    def _dashboard(self, name: str, says: CommentedMap) -> None:
        self._add(name, dashboard(says, self.parts, ROUTED))

    def _table(self, name: str, says: CommentedMap) -> None:
        """Kept when the stack goes, unless its first deploy fails. ``by_due`` is sparse and carries keys only."""
        keys, indexes = says["key"], says.get("indexes", {})
        attributes = dict.fromkeys([*keys, *(each for index in indexes.values() for each in index)])
        properties = CommentedMap(
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=CommentedSeq(flow(AttributeName=each, AttributeType="S") for each in attributes),
            KeySchema=key_schema(keys),
        )
        if indexes:
            properties["GlobalSecondaryIndexes"] = CommentedSeq(
                CommentedMap(
                    IndexName=index,
                    KeySchema=key_schema(index_keys),
                    Projection=flow(ProjectionType="KEYS_ONLY" if index in ("by_due", "by_subject") else "ALL"),
                )
                for index, index_keys in indexes.items()
            )
        if "ttl" in says:
            properties["TimeToLiveSpecification"] = flow(AttributeName=says["ttl"], Enabled=True)
        if "stream" in says:
            properties["StreamSpecification"] = flow(StreamViewType=says["stream"])
        properties["PointInTimeRecoverySpecification"] = flow(PointInTimeRecoveryEnabled=True)
        key = tagged("!GetAtt", "Key.Arn")
        properties["SSESpecification"] = flow(SSEEnabled=True, SSEType="KMS", KMSMasterKeyId=key)
        properties["DeletionProtectionEnabled"] = condition("ProtectsTables", True, False)
        properties["Tags"] = tags()
        resource = CommentedMap(Type="AWS::DynamoDB::Table", DeletionPolicy="RetainExceptOnCreate")
        resource["UpdateReplacePolicy"] = "Retain"
        resource["Properties"] = properties
        self._add(f"{name}Table", resource)
        if "holds" in says:
            self.resources[f"{name}Table"].yaml_set_start_comment(says["holds"], indent=4)
        self.outputs[f"Table{name}"] = CommentedMap(Value=tagged("!Ref", f"{name}Table"))


def table_names(tables: Iterable[str]) -> CommentedSeq:
    """TABLES: ``customers=ledgerline/1ABCDEFGHIJKL plans=...``, read by ``billing.config``.

    A slash, which is in no table's name, stands for the ``-CustomersTable-`` that the plain name says already. A name
    without that, as a restored table may have, stays as it is.
    """
    names = CommentedMap()
    for table in tables:
        parts = intrinsic("!Split", in_line([f"-{table}Table-", tagged("!Ref", f"{table}Table")]))
        names[table] = intrinsic("!Join", in_line(["/", parts]))
    return intrinsic("!Sub", CommentedSeq([" ".join(f"{under(table)}=${{{table}}}" for table in names), names]))


def generate(folder: Path = INFRA) -> str:
    """The text of template.yaml."""
    yaml = loader()
    parts = {name: yaml.load((folder / f"{name}.yaml").read_text()) for name in PARTS}
    left = {path.stem for path in folder.glob("*.yaml")} - {"stack", *PARTS}
    assert not left, f"infra: no place for {left} (PARTS in scripts/template.py)"
    stack = yaml.load((folder / "stack.yaml").read_text())
    revise(stack, folder)
    text = StringIO()
    yaml.dump(Template(stack, parts).made(), text)
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    return HEADER + "\n" + re.sub(r"\n{3,}", "\n\n", "\n".join(spaced(lines))) + "\n"


def revise(stack: CommentedMap, folder: Path) -> None:
    """Let CONFIG_REVISION change with whatever the parts say.

    SAM's hash of a version covers tags and reserved concurrency, which are in no version: Lambda would refuse a second
    one of the same configuration, and with it the deploy. So every change of the parts changes the configuration.
    """
    said = sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.yaml")))).hexdigest()
    variables = stack["Globals"]["Function"]["Environment"]["Variables"]
    variables["CONFIG_REVISION"] = f"{variables['CONFIG_REVISION']}-{said[:12]}"


def spaced(lines: Iterable[str]) -> Iterator[str]:
    """An empty line before each resource and each section."""
    resources, before = False, ""
    for line in lines:
        if re.fullmatch(r"[A-Za-z]+:.*", line):
            resources = line == "Resources:"
            yield ""
        elif resources and not before.startswith("  # ---") and re.fullmatch(r"  (# --- .*|[A-Za-z0-9]+:)", line):
            yield ""
        yield line
        before = line


def main() -> int:
    """Write it, or check it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where template.yaml is stale")
    check = parser.parse_args().check
    text = generate()
    if not check:
        TARGET.write_text(text)
    elif TARGET.read_text() != text:
        print("error: template.yaml is stale: make template", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
