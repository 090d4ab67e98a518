"""`python -m tfadvseg COMMAND`, the same as `tfadvseg COMMAND`."""

from tfadvseg.commands.entry import main

if __name__ == "__main__":
    main()
