"""`make deploy`: from an account to a stack that answers, step by step; each can be run again."""

import local.stack  # noqa: F401 - puts the product's own code on the path
