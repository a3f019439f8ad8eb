"""Every operator's rule, in one table: axis relations, output shape and cost.

To add an operator, write one function with ``@rule("name")`` in the file of its family; a reader
then translates the model's own operator to that name.
"""

from striate.network.rules import arrange, combine, indexing, spatial
from striate.network.rules.base import RULES, Attributes, Output, Result, Rule

__all__ = ["RULES", "Attributes", "Output", "Result", "Rule", "arrange", "combine", "indexing", "spatial"]
