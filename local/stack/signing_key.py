"""Rotates the key that signs access tokens: `python -m local.stack.signing_key --stack ledgerline-dev`.

Makes a key in KMS, lets the OAuth function's role sign with it, and enters it: it signs in 15 minutes, and the one
before is published until its last token has expired. `--now` is for a key that somebody else may use: the fresh one
signs at once, alone, and all tokens end.
"""

import os
from typing import Any

import boto3

from local.stack.outputs import outputs_of, parser_of, variables_of


def make_key(kms: Any, stack: str, role: str) -> str:
    """A key that the OAuth function may sign with; its ARN."""
    tags = [{"TagKey": "project", "TagValue": "ledgerline"}, {"TagKey": "signs", "TagValue": stack}]
    made = kms.create_key(
        KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY", Description=f"{stack}: signs access tokens", Tags=tags
    )
    arn: str = made["KeyMetadata"]["Arn"]
    kms.create_grant(KeyId=arn, GranteePrincipal=role, Operations=["Sign", "GetPublicKey"], Name="oauth")
    return arn


def enter(outputs: dict[str, str], key: str, at_once: bool) -> list[str]:
    """Enter a key among those of the stack; the kids that are published now."""
    os.environ |= variables_of(outputs)
    from billing.bootstrap.oauth import signing  # reads the environment

    keys = signing().rotate(key, at_once)
    return [each.kid for each in keys.keys]


def main() -> None:
    """Rotate, and say which keys are published."""
    parser = parser_of("Rotates the key that signs access tokens.")
    parser.add_argument("--now", action="store_true", help="at once and alone: all tokens end")
    options = parser.parse_args()
    outputs = outputs_of(options.stack)
    key = make_key(boto3.client("kms"), options.stack, outputs["OauthRoleArn"])
    print(f"{key} is published beside: {', '.join(enter(outputs, key, options.now))}")


if __name__ == "__main__":
    main()
