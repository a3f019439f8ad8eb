"""The common form of a network, one rule per operator, one reader per format."""

from striate.network.builder import Builder
from striate.network.network import HasNetwork, Network, network_of
from striate.network.node import Node, Weight

__all__ = ["Builder", "HasNetwork", "Network", "Node", "Weight", "network_of"]
