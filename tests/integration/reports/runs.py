"""Runs in tests: a report that is too long for a request, worked to its end, and its file."""

import importlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import requests

from billing.domain.reports.run import ReportRun, report_shard
from billing.services.reports.running import RunSteps
from tests.integration import lambdas
from tests.integration.world import Json, Tenant, World


def at_most(patch: pytest.MonkeyPatch, most: int) -> None:
    """Let a request read so many records only."""
    handler: Any = importlib.import_module("functions.reports.handler")
    patch.setattr(handler, "reports", replace(handler.reports, most=most))


def work(world: World, run_id: str) -> Json:
    """A turn of the report worker at a run's shard."""
    body = json.dumps({"shard": report_shard(run_id)})
    return lambdas.invoke("report_worker", world.sqs_event(body))


def file_of(tenant: Tenant, path: str) -> bytes:
    """What is downloaded by the link of a run."""
    link = tenant.get(f"{path}/file").data
    answer = requests.get(link["url"], timeout=60)
    assert answer.status_code == 200, answer.text
    assert link["name"] in answer.headers["Content-Disposition"]
    return answer.content


def objects(world: World, prefix: str = "") -> dict[str, bytes]:
    """What is in the bucket."""
    s3, bucket = world.aws("s3"), os.environ["REPORT_BUCKET"]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@contextmanager
def steps_of(patch: pytest.MonkeyPatch, **limits: Any) -> Iterator[list[ReportRun]]:
    """Let the worker's steps be short (``running.Limits``); gives what each step made of its run."""
    made: list[ReportRun] = []
    plain = RunSteps._step

    def step(self: RunSteps, run: ReportRun, unit: Any) -> ReportRun:
        short = replace(self, limits=replace(self.limits, **limits))
        made.append(plain(short, run, unit))
        return made[-1]

    with patch.context() as inner:
        inner.setattr(RunSteps, "_step", step)
        yield made
