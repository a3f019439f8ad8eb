"""What several tests share: oracles, cases and drawn networks."""
