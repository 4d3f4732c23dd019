"""`python -m derms.southbound.simulator`: the command `simulate` without Django."""

import argparse
import sys

from derms.southbound.simulator.run import Options, SimulatorError, add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    add_arguments(parser)
    try:
        run(Options(**vars(parser.parse_args())))
    except SimulatorError as error:
        sys.exit(str(error))
