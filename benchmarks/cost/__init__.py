"""The cost sheet, docs/cost.md: what a stack costs at list price, worked out from what was measured."""
