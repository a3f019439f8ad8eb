"""What the units of a network answer to: stimuli, tuning, features, and one output taken apart."""
