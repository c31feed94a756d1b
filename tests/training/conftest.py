"""The recipe's tests draw with the emoji font, which training needs and the app does not."""

from __future__ import annotations

import pytest

from mqwen.training.drawing import font_path


@pytest.fixture(scope="session")
def emoji_font() -> None:
    if font_path() is None:
        pytest.skip("the font Noto Color Emoji is missing (apt install fonts-noto-color-emoji)")
