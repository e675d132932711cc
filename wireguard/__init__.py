"""WireGuard: the address plan, and what a host and a client run.

Plain Python and shell. Owns nothing of AWS but the calls that the host makes for itself, and
nothing of Pulumi.
"""
