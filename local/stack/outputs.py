"""What operators' commands begin with: the stack that is meant, and its outputs."""

import argparse

import boto3


def parser_of(description: str) -> argparse.ArgumentParser:
    """A command line that names a stack."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--stack", default="ledgerline-dev", help="name of the CloudFormation stack")
    return parser


def variables_of(outputs: dict[str, str]) -> dict[str, str]:
    """What the product's own code has to know of a stack before an operator's command runs it on this machine."""
    from billing.config import tables_variable  # on the path of those commands that run the product's code

    tables = {plain_name(name): value for name, value in outputs.items() if name.startswith("Table")}
    return {"TABLES": tables_variable(tables), "KMS_KEY_ID": outputs["KeyId"]}


def plain_name(output: str) -> str:
    """``TablePaymentMethods`` -> ``payment_methods``."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in output.removeprefix("Table")).lstrip("_")


def outputs_of(stack: str) -> dict[str, str]:
    """A deployed stack's outputs, by their names; botocore's error where there is none of that name."""
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    return {each["OutputKey"]: each["OutputValue"] for each in found}
