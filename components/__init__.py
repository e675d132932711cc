"""Building blocks, a file for each thing in the picture of the accounts; no stack is known here."""
