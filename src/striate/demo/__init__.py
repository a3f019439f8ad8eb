"""The tutorial's numbers on a real network: the only room that reads models, computes and shows."""
