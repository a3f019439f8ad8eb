"""The common form of a network, one rule per operator, one reader per format."""

from striate.network.network import Network, Node, Weight

__all__ = ["Network", "Node", "Weight"]
