"""Generators of the reference pages in ``docs/``, run as ``python -m``; imported by nothing."""
