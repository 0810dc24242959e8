"""`python -m thingmarket_node.cli`: the same as `thingmarket`."""

import sys

from thingmarket_node.cli.main import main

sys.exit(main())
