"""How long something took, as people and programs are told it."""


def milliseconds(seconds: float) -> float:
    """With one decimal. To round to a whole number takes a third of the time."""
    return round(seconds * 10_000) / 10
