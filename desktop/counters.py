"""How long the text in a field is, under it: characters, and the lengths that others set."""

from __future__ import annotations

from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QLabel, QPlainTextEdit

from mqwen.library.lengths import ALT_TEXT_AIM, ALT_TEXT_MOST, CLIP_TOKENS, about_clip_tokens


class Counter(QLabel):
    """Counts a field's characters; of a caption CLIP's tokens too. What is too long is said in words, not only in red.

    Args:
        alt_text: the field is an alt text, which has its own limits.
    """

    def __init__(self, field: QPlainTextEdit, *, alt_text: bool = False) -> None:
        super().__init__()
        self.setObjectName("quiet")
        self.setAccessibleName(self.tr("Length of {field}").format(field=field.accessibleName()))
        self._field = field
        self._alt_text = alt_text
        self.setToolTip(
            self.tr("Alt texts are best up to 125 characters; beyond 250 they are shortened in the photo")
            if alt_text
            else self.tr("CLIP text encoders, as training uses them, read 77 tokens and no more. An estimate")
        )
        field.textChanged.connect(self.count)
        self.count()

    def count(self) -> None:
        """Show the length as it is now."""
        text = " ".join(self._field.toPlainText().split())
        number, characters = QLocale().toString, len(text)
        if self._alt_text:
            line = self.tr("{count} of {aim} characters").format(count=number(characters), aim=number(ALT_TEXT_AIM))
            too_long = characters > ALT_TEXT_AIM
            if characters > ALT_TEXT_MOST:
                line += " · " + self.tr("will be shortened to {most}").format(most=number(ALT_TEXT_MOST))
            elif too_long:
                line += " · " + self.tr("long")
        else:
            tokens = about_clip_tokens(text) if text else 0
            line = self.tr("%n character(s)", "", characters)
            line += " · " + self.tr("about {count} of {most} CLIP tokens").format(
                count=number(tokens), most=number(CLIP_TOKENS)
            )
            too_long = tokens > CLIP_TOKENS
            if too_long:
                line += " · " + self.tr("too long")
        self.setText(line)
        self.setObjectName("tooLong" if too_long else "quiet")
        self.style().polish(self)
