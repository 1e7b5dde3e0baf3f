"""Issue 17: the bucket of reports is nobody else's, and a turn of the worker is never begun twice."""

import re

from tests.support.transformed import as_list, functions, grants_of, of_type, properties_of, said, statements_of

BUCKET = properties_of("ReportFiles")


def test_17_the_bucket_is_encrypted_private_and_versioned() -> None:
    (rule,) = BUCKET["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert said(rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]) == "Key.Arn"
    assert set(BUCKET["PublicAccessBlockConfiguration"].values()) == {True}
    assert BUCKET["VersioningConfiguration"] == {"Status": "Enabled"}
    (statement,) = properties_of("ReportFilesPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_17_exports_and_reports_go_by_themselves_and_kept_folds_stay() -> None:
    rules = {rule["Prefix"]: rule for rule in BUCKET["LifecycleConfiguration"]["Rules"] if "Prefix" in rule}
    assert {prefix: rule.get("ExpirationInDays") for prefix, rule in rules.items()} == {
        "exports/": 2, "imports/": 2, "reports/": 9, "folds/": None,
    }  # fmt: skip
    assert {rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in rules.values()} == {1}
    assert any("AbortIncompleteMultipartUpload" in rule for rule in BUCKET["LifecycleConfiguration"]["Rules"])


def test_17_only_the_worker_writes_files_but_those_that_are_imported_and_requests_read_no_more_than_links_need() -> (
    None
):
    grants = {
        group: {(action, resource) for action, resource in grants_of(each["name"]) if action.startswith("s3:")}
        for group, each in functions().items()
    }
    assert {group for group, found in grants.items() if found} == {"reports", "report_worker"}
    assert {action for action, _ in grants["reports"]} == {"s3:GetObject", "s3:ListBucket", "s3:PutObject"}
    assert {place for action, place in grants["reports"] if action == "s3:PutObject"} == {"ReportFiles.Arn/imports/*"}
    assert all(re.match(r"ReportFiles\.Arn", resource) for found in grants.values() for _, resource in found)


def test_17_who_reads_files_is_told_that_one_is_missing() -> None:
    """Of a missing object S3 says 404 only to whoever may list its bucket, on no condition; to anybody else 403.

    The code takes 404 for "there is none", and 403 for what it is: a grant that is missing.
    """
    for each in functions().values():
        name = each["name"]
        if any(action == "s3:GetObject" for action, _ in grants_of(name)):
            (listing,) = (one for one in statements_of(name) if "s3:ListBucket" in as_list(one["Action"]))
            assert "Condition" not in listing, name
            assert said(listing["Resource"]) == "ReportFiles.Arn"


def test_17_a_message_is_not_visible_again_while_its_turn_may_last() -> None:
    timeout = properties_of("ReportWorkerFunction")["Timeout"]
    assert timeout == 900
    assert of_type("AWS::SQS::Queue")["ReportQueue"]["Properties"]["VisibilityTimeout"] >= timeout + 60
