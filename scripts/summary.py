"""Print what the last run came to, in ten lines for a person.

python -m scripts.summary
"""

from scripts.exceptions import door
from scripts.reporting.last_run import show_summary


@door
def main() -> None:
    """Print the summary of the results in the project's folder."""
    show_summary()


if __name__ == "__main__":
    main()
