"""Names of modules."""


def module_name(name: str) -> str:
    """An identifier as the name of a module, in front of one that our modules could have `net_`."""
    return f"net_{name}" if name.startswith("signbit_") else name
