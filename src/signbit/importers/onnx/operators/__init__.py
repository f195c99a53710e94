"""Readers of operators, a module for each topic."""
