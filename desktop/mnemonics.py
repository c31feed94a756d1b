"""Texts of menus and labels without their mnemonics, for screen readers and wherever no key belongs to them."""

from __future__ import annotations


def plain(text: str) -> str:
    """Return a text without its mnemonic: "&Open" is "Open", "打开(&O)" is "打开"."""
    place = text.find("(&")
    if place >= 0 and text[place + 3 : place + 4] == ")":
        text = text[:place] + text[place + 4 :]
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")
