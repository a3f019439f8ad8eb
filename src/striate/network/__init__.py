"""The common form of a network, one rule per operator, one reader per format."""

from striate.network.builder import Builder
from striate.network.network import Network, Node

__all__ = ["Builder", "Network", "Node"]
