"""Names of modules."""


def module_name(name: str) -> str:
    """An identifier as the name of a module. `net_` is put before a name that `rtl` could use."""
    return f"net_{name}" if name.startswith("signbit_") else name
