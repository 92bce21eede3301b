"""`python -m sweeps`: the sweeps there are, and the studies in this folder."""

from __future__ import annotations

import sys


def main() -> int:
    """Print both lists; return the exit code."""
    from objectives import BadInput
    from sweeps.cli.listing import listing

    try:
        print("\n".join(listing()))
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
