"""The root of the command line: its groups, and how everything that can go wrong is said."""

import json
import logging
import os
import sys
from collections.abc import Sequence

import click

from thingmarket.errors import Refusal
from thingmarket_node.cli import trouble
from thingmarket_node.cli.lazy import LazyGroup, Place

_CLI = "thingmarket_node.cli"
_PLACES = {
    "node": Place(f"{_CLI}.node", "node", "Make, run and look at a node."),
    "owner": Place(f"{_CLI}.owner", "owner", "Act as an owner: permit, pay, buy, revoke."),
    "thing": Place(f"{_CLI}.thing", "thing", "Act as a thing: sell, need, buy under a mandate."),
    "market": Place(f"{_CLI}.markets", "market", "Look at the markets of a node: prices, trades, live."),
    "scenario": Place(f"{_CLI}.scenario", "scenario", "Run a whole story with processes of its own."),
    "explain": Place(f"{_CLI}.explain", "explain", "Say why something was bought, with the evidence."),
    "bench": Place(f"{_CLI}.bench", "bench", "Measure a part beside its raw limit."),
    "sim": Place("thingmarket_node.sim.commands", "sim", "Torture one node in simulated time."),
}

_HELP = """A market in which things buy from things, each under its owner's signed mandate.

\b
A first trade on one machine (`thingmarket thing run --help` shows what is in ink.json and need.json):
  thingmarket node init market --plaintext --play-money 10000.00
  thingmarket node run market &
  thingmarket owner init anna --node market
  thingmarket owner fund anna 100.00
  thingmarket thing init printer --node market
  thingmarket owner mandate anna printer --autonomy adaptable --spend order=20.00
  thingmarket owner init bob --node market
  thingmarket thing init shop --node market
  thingmarket owner mandate bob shop --autonomy bound --may sell
  thingmarket thing run seller shop --sell ink.json &
  thingmarket thing run buyer printer --need need.json
\b
or watch a whole one:
  thingmarket scenario run printer-ink

Every command takes --json: then the last line of standard output is one JSON object, and what is told
meanwhile goes to standard error.
"""

program = LazyGroup(
    _PLACES,
    name="thingmarket",
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 when it was refused or failed, 2 when it was misspelt."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        code = program.main(args=given, prog_name="thingmarket", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.ctx.get_help() if error.ctx else _HELP)
        return 2
    except click.ClickException as error:
        error.show(sys.stderr)
        if "--json" in given:
            print(json.dumps({"refused": trouble.misspelt(error)}), flush=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # Whoever read this has enough; without this, Python complains once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Refusal, OSError) as error:
        trouble.show(error, as_json="--json" in given)
        return 1
    except trouble.of_the_client() as error:
        trouble.show(error, as_json="--json" in given)
        return 1
    return code if isinstance(code, int) else 0
