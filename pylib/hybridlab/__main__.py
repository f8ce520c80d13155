"""`python -m hybridlab` is the program `hybridlab`."""

from hybridlab.cli import main

if __name__ == "__main__":
    main()
