"""Issue 16, item 7: on one machine too, a batch with failed records comes again, and one bad record stops nothing."""

from types import SimpleNamespace
from typing import Any

from local.stack.stream_failures import RETRIES, repeat_failed_batches

FUNCTION = {"FunctionName": "ledgerline-dev-event-feed"}
FAILED = {"body": {"batchItemFailures": [{"itemIdentifier": "7"}]}, "log": "a line"}
DONE: dict[str, Any] = {"body": {"batchItemFailures": []}}


def batch(*ids: str, source: str = "aws:dynamodb") -> dict[str, Any]:
    return {"Records": [{"eventID": each, "eventSource": source} for each in ids]}


def emulator(answer: dict[str, Any]) -> SimpleNamespace:
    service = SimpleNamespace(_execute_function=lambda function, event: answer)
    repeat_failed_batches(service)
    return service


def test_16_a_batch_of_which_records_failed_is_an_error_to_the_emulator() -> None:
    assert emulator(FAILED)._execute_function(FUNCTION, batch("1", "2"))["error"] is True
    assert not emulator(DONE)._execute_function(FUNCTION, batch("1", "2")).get("error")


def test_16_it_comes_ten_times_more_and_then_the_stream_goes_on() -> None:
    """More records may have come meanwhile: it is the same batch by where it begins."""
    service = emulator(FAILED)
    answers = [service._execute_function(FUNCTION, batch("1", str(n))) for n in range(RETRIES + 1)]
    assert [each["error"] for each in answers] == [True] * RETRIES + [False]
    assert service._execute_function(FUNCTION, batch("9"))["error"] is True


def test_16_a_queues_batch_and_a_request_are_as_they_were() -> None:
    service = emulator(FAILED)
    assert service._execute_function(FUNCTION, batch("1", source="aws:sqs")) is FAILED
    assert service._execute_function(FUNCTION, {"version": "2.0"}) is FAILED


def test_16_a_call_that_the_emulator_makes_again_in_another_scope_counts_once() -> None:
    depth = []

    def execute(function: Any, event: Any) -> Any:
        depth.append(1)
        return service._execute_function(function, event) if len(depth) % 2 else FAILED

    service = SimpleNamespace(_execute_function=execute)
    repeat_failed_batches(service)
    answers = [service._execute_function(FUNCTION, batch("1")) for _ in range(RETRIES + 1)]
    assert [each["error"] for each in answers] == [True] * RETRIES + [False]
