"""Print what the last run came to, in ten lines for a person; renew the report where it is old.

python -m scripts.summary
"""

from scripts.exceptions import door
from scripts.reporting.refresh import show_summary


@door
def main() -> None:
    """Print the summary of the results in the project's folder."""
    show_summary()


if __name__ == "__main__":
    main()
