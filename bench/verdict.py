"""How a measured ratio and its limit are shown."""


def verdict(value: float, limit: float) -> tuple[str, str, str]:
    """Return three cells: the value, the limit, and whether it is kept."""
    kept = "[green]kept[/green]" if value <= limit else "[red]exceeded[/red]"
    return f"{value:.2f}", f"{limit:.2f}", kept
