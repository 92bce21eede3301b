"""`python -m sweeps`: the sweeps there are, and the studies in this folder."""

from __future__ import annotations

import sys


def main() -> int:
    """Print both lists; return the exit code."""
    from sweeps import BadInput, __version__
    from sweeps.cli import print_anything
    from sweeps.cli.listing import listing

    print_anything()
    try:
        if "--version" in sys.argv[1:]:
            print(f"keras-sweeps {__version__}")
            return 0
        if sys.argv[1:] and sys.argv[1] not in ("--help", "-h"):
            raise BadInput(f"run a sweep with python -m sweeps.{sys.argv[1]}: a dot, no space")
        print("\n".join(listing()))
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
