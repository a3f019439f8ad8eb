"""How the documentation is built: ``make site`` writes it to ``build/site`` and fails on a link that leads nowhere."""

from importlib import metadata

project = "striate"
author = "The striate authors"
copyright = author
release = metadata.version("striate")

extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["conf.py"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "striate"
html_show_sphinx = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
