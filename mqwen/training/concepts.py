"""The things the starter model knows: emoji of the Noto Color Emoji font and a few plain shapes.

Names come from the Unicode annotations in the `emoji` package (English and Chinese); what is added here is the
Chinese measure word and the English plurals that no rule gives. Emoji that look alike at 36 pixels (a tiger and a
leopard, the books by colour) are left out: a caption that tells them apart would not be true to what can be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

# measure word -> emoji counted with it
_EMOJI = {
    "只": "🐕🐈🐇🐁🐿🦔🦇🐻🐨🐼🦨🦘🦃🐓🐤🐧🕊🦆🦢🦉🦩🦚🦜🐸🐊🐢🦎🐬🐙🐌🦋🐜🐝🐞🕷🦂🦀🦞🦐🦑🐒🦍🐺🦊🦝🦓🦒🐪🦖🐅🦁",
    "头": "🐘🦏🦛🐖🐄🐳🦌",
    "匹": "🐎",
    "条": "🐍🐉🐟🐠🐡🦈🐛🥖👖🧣",
    "朵": "🌸🌹🌻🌷☁🍄",
    "棵": "🌲🌳🌴🌵🥦🎄",
    "片": "🍁🍀🍉🍞🥩🍕",
    "个": (
        "🐚🍈🍊🍋🍍🥭🍎🍐🍑🍒🍓🫐🥝🍅🥥🥑🍆🌽🫑🧄🧅🥜🥐🥨🥯🥞🧇🧀🍗🍔🍟🌭🥪🌮🥚🍙🍣🍤🥟🍦🍨🍩🍪🎂🧁🍫🍬🍭🍯🍼"
        "🧭🌋⛺⚓🛸🪂☀🌈❄🔥💧🎃🎈🎁🎀🏆⚽⚾🏀🏈🪁🎱🔮🎲🧩🧸🧶🎒👑🎤🎧📻📱☎🔋🔌🖱💾🧮📺💡🏮💰"
        "📦📌🧰🧲🧪🚽🧻🪣🧯🛒⏰⌚🦴🦷🛑⛲🎡🎠⚙🥊"
    ),
    "根": "🍌🥕🌶🥒📏🕯",
    "串": "🍇🔑",
    "份": "🥗🍿📰",
    "碗": "🍚🍜",
    "块": "🍰💎",
    "杯": "☕🍷🍹🍺🥤",
    "把": "🥄🔪🪑🔨🪓🗡🪚🔧🪛🎸🎻✂🧹🪥☂🪜",
    "座": "🏠🏭🏰⛪🏔⛩",
    "辆": "🚂🚌🚑🚒🚓🚕🚚🚜🏎🏍🛵🛴🚲",
    "艘": "⛵🛶🛳",
    "架": "✈🚁🎹🪗",
    "枚": "🚀🛰",
    "颗": "⭐",
    "件": "👕👗",
    "双": "🧤🧦🛼",
    "副": "🕶👓",
    "顶": "👒🎩🎓🧢",
    "支": "🖌💉🎺🎷💄",
    "台": "💻🎥📷🔬🔭",
    "张": "🛏💳✉📅",
    "本": "📕",
    "卷": "📜",
    "扇": "🚪",
    "面": "🪞🛡🥁",
    "盏": "🔦",
    "只 ": "👟👢👠🥾",
}
# Names that English does not count by themselves -> what it counts instead (a pair of socks, two pairs of socks).
_UNITS = {
    **dict.fromkeys(("jeans", "gloves", "socks", "sunglasses", "glasses", "scissors"), "pair"),
    **dict.fromkeys(("grapes", "cherries", "blueberries"), "bunch"),
    **dict.fromkeys(("french fries", "pancakes", "peanuts", "popcorn"), "portion"),
    **dict.fromkeys(("bread", "baguette bread"), "loaf"),
    **dict.fromkeys(("sushi", "pizza"), "piece"),
    **dict.fromkeys(("garlic", "broccoli"), "head"),
    "cooked rice": "bowl",
    "yarn": "ball",
}
_PLURALS = {
    "mouse": "mice",
    "computer mouse": "computer mice",
    "tooth": "teeth",
    "deer": "deer",
    "fish": "fish",
    "tropical fish": "tropical fish",
    "blowfish": "blowfish",
    "shrimp": "shrimp",
    "fried shrimp": "fried shrimp",
    "cactus": "cacti",
    "kitchen knife": "kitchen knives",
    "wolf": "wolves",
    "maple leaf": "maple leaves",
    "scarf": "scarves",
    "loaf": "loaves",
    "volcano": "volcanoes",
}
_SHAPES = {
    "circle": "圆形",
    "triangle": "三角形",
    "square": "正方形",
    "ring": "圆环",
    "cross": "十字形",
    "arrow": "箭头",
    "semicircle": "半圆形",
}


@dataclass(frozen=True)
class Concept:
    """One thing that can stand in a scene.

    Attributes:
        glyph: the emoji, or the English name of a shape that the recipe draws itself.
        en_one, en_many: the name as English counts it: `pair of socks`, `pairs of socks`.
        measure: the Chinese measure word, as in 一只狗.
    """

    index: int
    glyph: str
    is_shape: bool
    en: str
    en_one: str
    en_many: str
    zh: str
    measure: str


def _plural(name: str) -> str:
    if name in _PLURALS:
        return _PLURALS[name]
    for joint in (" of ", " with ", " on "):
        head, found, rest = name.partition(joint)
        if found:
            return _plural(head) + joint + rest
    if name.endswith(("s", "x", "ch", "sh", "z")):
        return name + "es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    if name.endswith(("potato", "tomato", "mango")):
        return name + "es"
    return name + "s"


def _countable(name: str) -> tuple[str, str]:
    if name in _UNITS:
        return f"{_UNITS[name]} of {name}", f"{_plural(_UNITS[name])} of {name}"
    return name, _plural(name)


@cache
def concepts() -> tuple[Concept, ...]:
    """All concepts in a fixed order; needs the `emoji` package (extra `train`)."""
    import emoji

    emoji.config.load_language("zh")
    found: list[Concept] = []
    for measure, glyphs in _EMOJI.items():
        for glyph in glyphs:
            names = emoji.EMOJI_DATA.get(glyph) or emoji.EMOJI_DATA[glyph + "\ufe0f"]
            en = names["en"].strip(":").replace("_", " ").lower()
            zh = names["zh"].strip(":").replace("_", "")
            found.append(Concept(len(found), glyph, False, en, *_countable(en), zh, measure.strip()))
    for name, zh in _SHAPES.items():
        found.append(Concept(len(found), name, True, name, *_countable(name), zh, "个"))
    return tuple(found)
