"""Imports: customers, plans and subscriptions of another billing system, each taken over once."""
