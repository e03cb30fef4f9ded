"""`python -m tfcompat script.py [args]`, see tfcompat.launch.cli."""

from tfcompat.launch.cli import main

if __name__ == "__main__":
    main()
