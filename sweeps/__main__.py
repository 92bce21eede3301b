"""`keras-sweeps`, or `python -m sweeps`: every sweep's commands, and the list of what there is."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run a sweep's command, or print the list; return the exit code."""
    from sweeps import BadInput, __version__
    from sweeps.cli import print_anything, program_name, run_command_line, unread
    from sweeps.cli.layout import columns, fit
    from sweeps.cli.listing import built_in, help_lines, listing, no_sweep

    argv = sys.argv[1:] if argv is None else argv
    print_anything()
    program, first = program_name(), argv[0] if argv else "list"
    try:
        if first in ("--help", "-h", "help"):
            print("\n".join(fit(help_lines(program), columns())))
        elif first in ("--version", "version"):
            print(f"keras-sweeps {__version__}")
        elif first == "--print-completion":
            from sweeps.cli.completion import script

            print(script(argv[1] if len(argv) > 1 else ""), end="")
        elif first == "list":
            if argv[1:] in (["--help"], ["-h"]):
                print("\n".join(fit(help_lines(program), columns())))
            else:
                print("\n".join(fit(listing(program=program, asked=argv[1:]), columns())))
        else:
            known = {sweep.name: sweep for sweep in built_in()}
            if first not in known:
                raise BadInput(no_sweep(first, known))
            return run_command_line(known[first], argv[1:], f"{program} {first}")
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return unread()
    return 0


def command() -> None:
    """The console command `keras-sweeps`."""
    from sweeps.cli import leave

    leave(main())


if __name__ == "__main__":
    command()
