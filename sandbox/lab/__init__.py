"""A laboratory for the VPN: machines, the Internet between them, and AWS behind it.

It is made of the kernel's namespaces, for a user without privileges too. What runs in it is what
runs outside: the boot script of the host, WireGuard, the commands of clients. Owns no settings and
no policies: whoever makes an experiment brings them.
"""
