"""Messages by their keys, each in English and Chinese."""
