"""The version, at one place, and those of other packages."""

__version__ = "0.1.0"


def installed(packages):
    """(name, version) of those of the packages that are installed."""
    from importlib import metadata  # which takes a while to load

    found = []
    for package in packages:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            pass
    return found
