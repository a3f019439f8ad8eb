"""The common form of a network, one rule per operator, one reader per format."""

from striate.network.network import HasNetwork, Network, network_of
from striate.network.node import Node, Weight

__all__ = ["HasNetwork", "Network", "Node", "Weight", "network_of"]
