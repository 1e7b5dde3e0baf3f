"""What Lambda does with a stream's partial failures and the emulator does not: give the records again.

The emulator takes any answer of a stream's consumer for a success, and repeats a call that failed for ever. Here a
batch of which records failed comes again, too; and as on AWS ten times at most, or one bad record would stop a stream.
"""

from typing import Any

RETRIES = 10


def repeat_failed_batches(lambda_service: Any) -> None:
    """Have the emulator's streams give a batch again of which records failed.

    Args:
        lambda_service: the emulator's module that calls functions.
    """
    call = lambda_service._execute_function
    tries: dict[str, int] = {}
    running: set[str] = set()

    def around(function: Any, event: Any) -> Any:
        name = _batch(function, event)
        if name is None or name in running:  # it calls itself again, for a function of another account or Region
            return call(function, event)
        running.add(name)
        try:
            result = call(function, event)
        finally:
            running.discard(name)
        failed = result.get("error") or _named(result.get("body"))
        tries[name] = tries.get(name, 0) + 1
        if not failed or tries[name] > RETRIES:
            del tries[name]
            return {**result, "error": False}
        body = result.get("body") if result.get("error") else {"errorType": "BatchItemFailures", "errorMessage": failed}
        return {**result, "error": True, "body": body}

    lambda_service._execute_function = around


def _batch(function: Any, event: Any) -> str | None:
    """Whose batch it is and where it begins, which is the same when it comes again; None where it is of no stream."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not records or not isinstance(records[0], dict) or records[0].get("eventSource") != "aws:dynamodb":
        return None
    return f"{(function.get('config') or function).get('FunctionName')}/{records[0]['eventID']}"


def _named(body: Any) -> list[Any]:
    found = body.get("batchItemFailures") if isinstance(body, dict) else None
    return list(found or ())
