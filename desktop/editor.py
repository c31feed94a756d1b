"""The editor beside the grid: captions by language, keywords and alt text of the selected photos."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.drafts import Draft, Drafts
from desktop.editing import Change
from desktop.editor_form import EditorForm
from desktop.keyword_list import KeywordList
from mqwen.errors import MqwenError
from mqwen.library.edited_files import Words

if TYPE_CHECKING:
    from desktop.window import MainWindow

_AUTOSAVE_MS = 1500
_SETTLE_MS = 80  # after the last change of the selection
_SUGGESTIONS = 12
_MOST = 2000  # photos whose words are looked up; what is done is done to all that are selected


class EditorDock(QDockWidget):
    """Edits of one photo are saved as they are made; those of several wait for a button, as drafts meanwhile."""

    draft_changed = Signal()  # what unapplied() returns may be another

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._editing = window.editing
        self._paths: tuple[Path, ...] = ()  # whose words are shown
        self._words: list[Words] = []
        self._loaded = {"caption": "", "alt text": ""}  # the fields' texts as they were read
        self._language = "en"  # of the caption that is shown
        self._asked = 0  # the last question that still counts
        self.setObjectName("editor")
        self.setWindowTitle(self.tr("Words"))
        self.setAllowedAreas(Qt.DockWidgetArea.RightDockWidgetArea | Qt.DockWidgetArea.LeftDockWidgetArea)
        self._build()
        self._choose_language()
        self._show_words()

        self._settled = QTimer(self, interval=_SETTLE_MS, singleShot=True)
        self._settled.timeout.connect(self._read_selected)
        self._autosave = QTimer(self, interval=_AUTOSAVE_MS, singleShot=True)
        self._autosave.timeout.connect(self.save)
        window.grid.selectionModel().selectionChanged.connect(lambda: self._settled.start())
        window.photos.modelReset.connect(self._settled.start)
        window.photos.dataChanged.connect(self._changed_elsewhere)
        window.grid.committing.connect(self.save)
        self._editing.words_read.connect(self._take)
        self._editing.edited.connect(lambda _: self._settled.start())
        self.visibilityChanged.connect(lambda: self._settled.start())

        action = self.toggleViewAction()
        action.setText(self.tr("&Words"))
        action.setShortcut(QKeySequence("Ctrl+I"))
        window.menus.view_menu.addAction(action)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self)
        window.resizeDocks([self], [320], Qt.Orientation.Horizontal)

    def _build(self) -> None:
        form = EditorForm(KeywordList(self._complete))
        self._form, self._title, self._names = form, form.title, form.languages
        self.language, self.caption, self.alt_text = form.language, form.caption, form.alt_text
        self.keywords, self.apply = form.keywords, form.apply
        self.caption_count, self.alt_count = form.caption_count, form.alt_count
        self.language.activated.connect(self._other_language)
        for field in (self.caption, self.alt_text):
            field.installEventFilter(self)
            field.textChanged.connect(self._typed)
        self.keywords.added.connect(self._add_keywords)
        self.keywords.removed.connect(self._remove_keywords)
        self.keywords.arranged.connect(self._arrange_keywords)
        self.apply.clicked.connect(self._apply_to_all)
        self.drafts = Drafts()
        self.drafts.apply_requested.connect(self._apply_draft)
        self.drafts.changed.connect(self.draft_changed)

        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # every field in it can be reached, and brings itself into view
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(form)
        scroll.setMinimumWidth(270)
        outside = QWidget()  # the drafts can be seen, and decided on, whatever is selected
        whole = QVBoxLayout(outside)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.drafts)
        whole.addWidget(scroll)
        self.setWidget(outside)

    # What is selected.

    def paths(self) -> tuple[Path, ...]:
        """Return the photos whose words are shown."""
        return self._paths

    def _read_selected(self) -> None:
        if self._window.grid.arranging():  # what is selected is looked up in a moment, when that takes no time
            self._settled.start()
            return
        paths = tuple(self._window.grid.selected_paths())
        if paths != self._paths:
            self._leave()
            self._paths, self._words = paths, []
            self._show_words()
        if paths and self.isVisible():
            self._asked = self._editing.read(paths[:_MOST])

    def _changed_elsewhere(self, first: QObject, last: QObject) -> None:
        rows = range(first.row(), last.row() + 1)  # type: ignore[attr-defined]
        if len(self._paths) == 1 and self._window.photos.index_of(self._paths[0]).row() in rows:
            self._settled.start()

    def _take(self, number: int, words: list[Words]) -> None:
        if number != self._asked:  # asked for other photos, or before the last edit
            return
        first_look = not self._words
        typing = not first_look and self._is_typed_in()
        self._words = words
        if first_look:
            self._choose_language()
        if not typing:
            self._show_words()
        if first_look and len(self._paths) > 1:
            self._take_up(None)

    def _choose_language(self) -> None:
        """Show the language that the photos have a caption in; another one only if they have none in this."""
        have = {language for words in self._words for language in words.captions}
        with QSignalBlocker(self.language):
            for language in sorted(have):
                if self.language.findData(language) < 0:
                    self.language.addItem(self._names.get(language, language), language)
            if have and self.language.currentData() not in have:
                main = next(language for words in self._words for language in words.captions)
                self.language.setCurrentIndex(self.language.findData(main))
            elif not have:
                code = "" if self._window.bar.choices().style == "own" else self._window.bar.choices().language
                self.language.setCurrentIndex(max(0, self.language.findData(code)))
        self._language = self.language.currentData()

    def _show_words(self) -> None:
        one, some = len(self._paths) == 1, len(self._paths) > 1
        name = self._paths[0].name if one else self.tr("%n photo(s) selected", "", len(self._paths))
        font = self._title.font()
        font.setBold(one)
        self._title.setFont(font)
        self._title.setText(name)
        self._form.setEnabled(bool(self._words))
        self._fill(self.caption, "caption", [self._caption_of(words) for words in self._words])
        self._fill(self.alt_text, "alt text", [words.alt_text or "" for words in self._words])
        tally = Tally(keyword for words in self._words for keyword in words.keywords)
        of_some = {keyword: count for keyword, count in tally.items() if count < len(self._words)}
        self.keywords.show_keywords(list(tally), of_some if some else None)
        self.apply.setVisible(some)
        self.apply.setText(self.tr("&Apply to %n photo(s)", "", len(self._paths)))
        self.apply.setEnabled(False)

    def _fill(self, field: QPlainTextEdit, name: str, texts: Sequence[str]) -> None:
        text = texts[0] if len(set(texts)) == 1 else ""
        self._loaded[name] = text
        differ = self.tr("They differ. What you type here replaces all of them")
        field.setPlaceholderText(differ if len(set(texts)) > 1 else "")
        if field.toPlainText() != text:
            with QSignalBlocker(field):
                field.setPlainText(text)
        for counter in (self.caption_count, self.alt_count):
            counter.count()

    def _caption_of(self, words: Words) -> str:
        return " ".join(words.captions.get(self._language, "").split())

    # Saving.

    def save(self) -> None:
        """Save what was typed about one photo; of several it waits for the button."""
        self._autosave.stop()
        if len(self._paths) == 1:
            self._save_typed()
        else:
            self.draft_changed.emit()

    def _leave(self) -> None:
        """Before other words are shown: save what was typed about one photo, keep what was about several."""
        self.save()
        if (draft := self._draft()) is not None:
            self.drafts.keep(draft)

    def unapplied(self) -> list[Draft]:
        """Return all that was typed about several photos and not applied."""
        draft = self._draft()
        return self.drafts.all() + ([] if draft is None else [draft])

    def _draft(self) -> Draft | None:
        if len(self._paths) < 2 or not self._words or not self._is_typed_in():
            return None
        fields = {"caption": self.caption.toPlainText(), "alt text": self.alt_text.toPlainText()}
        texts = {name: text for name, text in fields.items() if " ".join(text.split()) != self._loaded[name]}
        return Draft(self._paths, self._language, texts)

    def _take_up(self, language: str | None) -> None:
        """Put a draft for these photos back into the fields."""
        if (draft := self.drafts.take(self._paths, language)) is None:
            return
        if draft.language != self._language and (place := self.language.findData(draft.language)) >= 0:
            self.language.setCurrentIndex(place)
            self._language = draft.language
            self._show_words()
        for field, name in ((self.caption, "caption"), (self.alt_text, "alt text")):
            if name in draft.texts:
                field.setPlainText(draft.texts[name])

    def _apply_draft(self, draft: Draft) -> None:
        for name, text in draft.texts.items():
            self._asked = 0
            change = partial(_set, name, draft.language, " ".join(text.split()))
            self._editing.apply(draft.paths, change, name, opened=draft.opened)

    def _apply_to_all(self) -> None:
        self._save_typed()
        self.apply.setEnabled(False)
        self.draft_changed.emit()

    def _save_typed(self) -> None:
        """Save the fields whose text is another than was read. For several photos that is one step for each field."""
        for field, name in ((self.caption, "caption"), (self.alt_text, "alt text")):
            text = " ".join(field.toPlainText().split())
            if not self._words or text == self._loaded[name]:
                continue
            self._loaded[name] = text
            self._make(partial(_set, name, self._language, text), name)

    def _make(self, change: Change, label: str) -> None:
        self._asked = 0  # what was asked before does not know of this; it is asked again when this is done
        self._editing.apply(self._paths, change, label)

    def _is_typed_in(self) -> bool:
        fields = ((self.caption, "caption"), (self.alt_text, "alt text"))
        return any(" ".join(field.toPlainText().split()) != self._loaded[name] for field, name in fields)

    def _typed(self) -> None:
        if self._words:
            self._autosave.start()
            self.apply.setEnabled(self._is_typed_in())

    def _other_language(self) -> None:
        self._leave()  # what was typed belongs to the language before
        self._language = self.language.currentData()
        if self._words:
            self._show_words()
            self._take_up(self._language)

    def eventFilter(self, field: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and field in (self.caption, self.alt_text):
            self.save()
        return super().eventFilter(field, event)

    # Keywords.

    def _complete(self, beginning: str) -> list[str]:
        try:
            return [keyword for keyword, _ in self._window.catalog.keywords(beginning, _SUGGESTIONS)]
        except MqwenError:  # typing goes on without it
            return []

    def _add_keywords(self, keywords: list[str]) -> None:
        def change(_: Path, words: Words) -> Words:
            return replace(words, keywords=tuple(dict.fromkeys([*words.keywords, *keywords])))

        self._make(change, "keywords")

    def _remove_keywords(self, keywords: list[str]) -> None:
        def change(_: Path, words: Words) -> Words:
            return replace(words, keywords=tuple(word for word in words.keywords if word not in keywords))

        self._make(change, "keywords")

    def _arrange_keywords(self, keywords: list[str]) -> None:
        self._make(lambda _, words: replace(words, keywords=tuple(keywords)), "keywords")


def _set(name: str, language: str, text: str, _: Path, words: Words) -> Words:
    return words.with_caption(language, text) if name == "caption" else replace(words, alt_text=text or None)
