"""A part of the invented France, for builds that need not take all of it."""

import tomllib


def cards(folder, wanted):
    """Return the cards of a raw folder for which ``wanted`` is true, as text, with the whole path of each file."""
    blocks = (folder / "sources.toml").read_text(encoding="utf-8").split("[[source]]")[1:]
    text = "".join(f"[[source]]{block}" for block in blocks if wanted(tomllib.loads(block)))
    return text.replace('path = "', f'path = "{folder}/')
