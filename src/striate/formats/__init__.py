"""Readers of model files and modules, one package per format; nothing in a model is executed to be read."""
