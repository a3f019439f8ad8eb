"""The page: a network and a picture in a browser, in a notebook, or as a file."""

from striate.serve.notebook import Page, page

__all__ = ["Page", "page"]
