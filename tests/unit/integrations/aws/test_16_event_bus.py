"""Issue 16: events on a tenant's own bus, under the one source that is the tenant's, and never on a bus of ours."""

from datetime import UTC, datetime

import botocore.session
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from billing.domain.webhooks.endpoint import WebhookEndpoint
from billing.integrations.aws.event_bus import EventBusTransport
from billing.services.webhooks.transport import Parcel, Reason

OURS, THEIRS = "111111111111", "222222222222"
BUS = f"arn:aws:events:eu-west-1:{THEIRS}:event-bus/ledgerline"
AT = datetime(2026, 1, 1, tzinfo=UTC)


def client():
    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    return session.create_client("events", region_name="eu-west-1")


def parcel(arn: str = BUS) -> Parcel:
    endpoint = WebhookEndpoint("we_1", "acme", ("*",), "whsec_x", "1.0", AT, event_bus_arn=arn)
    return Parcel(endpoint, "evt_1", "invoice.paid", b'{"id":"evt_1"}', AT)


def transport(made) -> EventBusTransport:
    return EventBusTransport(lambda: made, OURS, "eu-west-1")


def sent(answer: dict) -> tuple[Reason | None, str]:
    """What came of one call that EventBridge answers so."""
    made = client()
    entry = {
        "Source": "ledgerline/acme",
        "DetailType": "invoice.paid",
        "Detail": '{"id":"evt_1"}',
        "EventBusName": BUS,
    }
    with Stubber(made) as stub:
        stub.add_response("put_events", answer, {"Entries": [entry]})
        got = transport(made).send(parcel())
        stub.assert_no_pending_responses()
    return got.reason, got.excerpt


def test_16_an_event_is_put_on_the_bus_under_its_tenants_source() -> None:
    """The bus's own policy lets in that source and no other, so nobody reaches it through us by naming its ARN."""
    assert sent({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}) == (None, "")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("NotAuthorizedForSourceException", Reason.BUS_DENIED),
        ("ThrottlingException", Reason.BUS_REFUSED),
        ("InternalFailure", Reason.BUS_REFUSED),
    ],
)
def test_16_an_entry_that_failed_is_a_failed_attempt_though_the_call_succeeded(code: str, reason: Reason) -> None:
    entry = {"ErrorCode": code, "ErrorMessage": "arn:aws:iam::111111111111:role/sender may not"}
    assert sent({"FailedEntryCount": 1, "Entries": [entry]}) == (reason, code)


def test_16_what_aws_says_of_our_own_role_is_not_told() -> None:
    made = client()
    with Stubber(made) as stub:
        stub.add_client_error("put_events", "AccessDeniedException", "arn:aws:sts::111111111111:assumed-role/x")
        answer = transport(made).send(parcel())
    assert (answer.reason, answer.excerpt) == (Reason.BUS_DENIED, "AccessDeniedException")


def test_16_no_answer_is_a_failure_that_is_tried_again() -> None:
    class Silent:
        def put_events(self, **_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://events")

    answer = transport(Silent()).send(parcel())
    assert answer.reason is Reason.CONNECTION


REFUSED = [
    (BUS.replace(THEIRS, OURS), "own_account"),
    (BUS.replace("eu-west-1", "us-east-1"), "other_region"),
    ("arn:aws:sqs:eu-west-1:222222222222:queue", "invalid_format"),
    ("default", "invalid_format"),
    ("", "invalid_format"),
]


@pytest.mark.parametrize(("arn", "why"), REFUSED)
def test_scenario_42_a_bus_of_ours_or_no_bus_at_all_is_never_written_to(arn: str, why: str) -> None:
    """Whatever was stored when the endpoint was made."""
    answer = transport(None).send(parcel(arn))
    assert (answer.reason, answer.excerpt) == (Reason.BUS_DENIED, why)


def test_16_a_stack_without_event_buses_writes_to_none() -> None:
    answer = EventBusTransport(None, OURS, "eu-west-1").send(parcel())
    assert (answer.reason, answer.excerpt) == (Reason.BUS_DENIED, "no_event_buses")
