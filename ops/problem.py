"""How a command says that it cannot go on: one clear sentence for a person."""


class OpsError(Exception):
    """What is wrong, where, and how to mend it; shown without a traceback."""


def sentence(reason: Exception) -> str:
    """Return a reason as a whole sentence; those of settings may be a question, or a list."""
    text = str(reason)
    return text if text.endswith("?") or "\n" in text else f"{text}."
