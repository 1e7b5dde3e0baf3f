"""What operators' commands begin with: the stack that is meant, and its outputs."""

import argparse

import boto3


def parser_of(description: str) -> argparse.ArgumentParser:
    """A command line that names a stack."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--stack", default="ledgerline-dev", help="name of the CloudFormation stack")
    return parser


def outputs_of(stack: str) -> dict[str, str]:
    """A deployed stack's outputs, by their names; botocore's error where there is none of that name."""
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    return {each["OutputKey"]: each["OutputValue"] for each in found}
