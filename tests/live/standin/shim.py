#!/usr/bin/python3 -ISE
"""What runs when a played program is called inside a machine; named `shim`, its first word is the program."""

import sys

if __name__ == "__main__":
    sys.path[:0] = ["/standin/code"]
    from live.standin.program import main

    main()
