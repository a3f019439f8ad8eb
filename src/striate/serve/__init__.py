"""The page: a network and a picture in a browser."""
