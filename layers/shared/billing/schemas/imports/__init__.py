"""Imports in the API, and the objects of other systems that they read."""
