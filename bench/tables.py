"""How measurements are shown: as tables, a ratio beside the limit it is meant to keep."""

from rich.table import Table


def table(title: str, label: str, *numbers: str) -> Table:
    """Return an empty table with a column of labels and columns of numbers."""
    made = Table(title=title, title_justify="left", min_width=len(title))
    made.add_column(label)
    for heading in numbers:
        made.add_column(heading, justify="right")
    return made


def verdict(value: float, limit: float) -> tuple[str, str, str]:
    """Return three cells: the value, the limit, and whether it is kept."""
    kept = "[green]kept[/green]" if value <= limit else "[red]exceeded[/red]"
    return f"{value:.2f}", f"{limit:.2f}", kept
