"""How Sphinx makes the site: `sphinx-build -W -c docs . site`. The source folder is the repository's.

So README, CONTRIBUTING, notebooks and the pages beside the code are part of it where they lie, and a link in them leads
to the same place on the site as in a checkout.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from numba_layers import __version__ as release  # noqa: E402, F401

project, author = "numba_layers", "the authors of numba_layers"
project_copyright = author
extensions = ["sphinx.ext.autodoc", "myst_nb", "reference"]
root_doc = "docs/index"
include_patterns = ["docs/**.md", "docs/**.rst", "notebooks/*.ipynb", "README.md", "CONTRIBUTING.md", "CHANGELOG.md",
                    "benchmarks/README.md", "tests/figures/README.md", "numba_layers/kernels/**/README.md"]
exclude_patterns = ["**/.ipynb_checkpoints"]

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "html_image"]
nb_execution_mode = "off"           # notebooks show the outputs they are kept with; a test runs them

autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
add_module_names = False
smartquotes = False                 # 'channels_last' is a value
maximum_signature_line_length = 88
python_display_short_literal_types = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "numba_layers"
html_extra_path = ["static"]        # index.html, which leads to root_doc
html_copy_source = False
