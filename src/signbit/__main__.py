"""`python -m signbit` is the command line."""

from signbit.cli import main

if __name__ == "__main__":
    main()
