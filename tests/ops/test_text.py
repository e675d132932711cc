"""How a command shows things: what is too wide for a line, and what is not to be trusted."""

from ops.text import wrapped


def test_a_message_is_wrapped_between_words_and_what_stands_on_lines_stays_there() -> None:
    address = "https://" + "very-long-" * 10 + "name.example.com"
    assert wrapped(
        "It is wrong, as anybody who looks at it for long enough will see: mend it (git pull "
        f"--rebase) at {address} please.\n\n"
        "  app:access: it is a word, and it is not right, for there are two of them only; set it to "
        "public or vpnOnly\n  app:region: missing"
    ).splitlines() == [
        "It is wrong, as anybody who looks at it for long enough will see: mend it (git pull --rebase) at",
        address,
        "please.",
        "",
        "  app:access: it is a word, and it is not right, for there are two of them only; set it to public or",
        "  vpnOnly",
        "  app:region: missing",
    ]
