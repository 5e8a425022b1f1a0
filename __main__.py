"""Running `python -m playtime` is running the `playtime` command."""

from .bootstrap import main

if __name__ == "__main__":
    main()
