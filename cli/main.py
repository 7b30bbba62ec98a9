"""Entry point."""


def main():
    """Placeholder."""
