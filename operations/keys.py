"""`rotate-keys`: the key that signs tokens, a tenant's data key, or a platform key."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from operations.operator import Operator
from operations.stack import Stack

if TYPE_CHECKING:
    from billing.domain.tenant import Tenant
    from billing.services.access.keys import KeyView
    from billing.services.kernel.work import Unit

JUST_NOW = timedelta(minutes=10)
"""A second rotation of a data key within this is the same one, asked for again."""


def rotate_signing(operator: Operator, at_once: bool) -> list[str]:
    """Have a fresh key sign tokens, in 15 minutes or at once; the kids that are published now.

    A run that was cut off before its key was entered leaves it under an alias, where the next run finds it. A key under
    the alias that is entered already is none that waits: it may be the one that leaked.

    Raises:
        InvalidState: another key waits for its time.
    """
    from billing.bootstrap.oauth import signing

    operator.note()
    if operator.dry_run:
        return [each.kid for each in signing().keys().keys]
    kms = operator.stack.aws("kms")
    key = _waiting_key(kms, _alias(operator.stack))
    signing().forget()
    if key in {each.key_id for each in signing().keys().keys}:  # cut off after it was entered
        kms.delete_alias(AliasName=_alias(operator.stack))
        key = None
    key = key or _new_key(kms, operator.stack)
    _let_sign(kms, key, operator.stack)
    entered = signing().rotate(key, at_once)
    kms.delete_alias(AliasName=_alias(operator.stack))
    return [each.kid for each in entered.keys]


def _alias(stack: Stack) -> str:
    return f"alias/{stack.name}-next-signing-key"


def _waiting_key(kms: Any, alias: str) -> str | None:
    pages = kms.get_paginator("list_aliases").paginate()
    ids = (each.get("TargetKeyId") for page in pages for each in page["Aliases"] if each["AliasName"] == alias)
    key_id = next(ids, None)
    return str(kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]) if key_id else None


def _new_key(kms: Any, stack: Stack) -> str:
    """A key under the alias; its ARN."""
    tags = [{"TagKey": "project", "TagValue": "ledgerline"}, {"TagKey": "signs", "TagValue": stack.name}]
    made = kms.create_key(
        KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY", Description=f"{stack.name}: signs access tokens", Tags=tags
    )
    arn: str = made["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=_alias(stack), TargetKeyId=arn)
    return arn


def _let_sign(kms: Any, key: str, stack: Stack) -> None:
    """Let the OAuth function sign with a key; a grant that is there under its name is not made again."""
    role = stack.outputs["OauthRoleArn"]
    kms.create_grant(KeyId=key, GranteePrincipal=role, Operations=["Sign", "GetPublicKey"], Name="oauth")


def rotate_data_key(operator: Operator, tenant_id: str) -> "tuple[Tenant, bool]":
    """Give a tenant another data key; the tenant, and whether it has one now that it had not.

    Raises:
        BillingError: there is no such tenant, or it has as many keys as it may.
    """
    from billing.bootstrap import operating
    from billing.domain.tenant import SETTINGS_ID, Tenant
    from billing.services.kernel.work import Ref

    def rotate(work: "Unit") -> "tuple[Tenant, bool]":
        ref = Ref(Tenant, tenant_id, SETTINGS_ID)
        tenant = work.load(ref).require(ref)
        if tenant.later_keys and work.now - tenant.later_keys[-1].created_at < JUST_NOW:
            return tenant, False
        return operating.tenant_settings().rotate_data_key(work, tenant_id), True

    return operator.about(tenant_id).act(tenant_id, rotate)


def rotate_platform_key(operator: Operator, key_id: str, overlap_s: int) -> "KeyView":
    """The successor of a key of the platform's, whose text is shown only now.

    Args:
        overlap_s: for how long the old one works on; 0 for a key that leaked.

    Raises:
        BillingError: there is no such key, or it was rotated or revoked before.
    """
    from billing.bootstrap.access import api_keys
    from billing.domain.access.scopes import Scope
    from billing.domain.tenant import PLATFORM
    from billing.services.access.keys import Maker

    maker = Maker(operator.stack.operator, frozenset(Scope))
    return operator.about(key_id).act(PLATFORM, lambda work: api_keys().rotate(work, key_id, overlap_s, None, maker))
