"""What mqwen.engine and the settings of a run say about devices, memory and options, for desktop.reasons."""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP

_TEXTS = (
    QT_TRANSLATE_NOOP("Reasons", "stopped"),
    QT_TRANSLATE_NOOP("Reasons", "stopped while the model was being loaded"),
    QT_TRANSLATE_NOOP("Reasons", "this model has been unloaded"),
    QT_TRANSLATE_NOOP("Reasons", "there is no question"),
    QT_TRANSLATE_NOOP("Reasons", "not enough memory for this model on {device}"),
    QT_TRANSLATE_NOOP("Reasons", "not enough memory for this picture"),
    QT_TRANSLATE_NOOP("Reasons", "device {name} is not known"),
    QT_TRANSLATE_NOOP("Reasons", "device {name} is not there"),
    QT_TRANSLATE_NOOP(
        "Reasons", "even layer by layer the model needs {needed}, and {free} are free on {device} for it"
    ),
    QT_TRANSLATE_NOOP("Reasons", "int8 needs a card of compute capability 7.5 or more"),
    QT_TRANSLATE_NOOP("Reasons", "nf4 runs on CUDA cards only"),
    QT_TRANSLATE_NOOP("Reasons", "precision {name} is not known"),
    QT_TRANSLATE_NOOP("Reasons", "the model needs {needed} in {precision} and {free} of main memory are free"),
    QT_TRANSLATE_NOOP("Reasons", "the model needs {needed} in {precision} and {free} of main memory are free; {note}"),
    QT_TRANSLATE_NOOP("Reasons", "bfloat16, in which it would fit, does not work on this processor"),
    QT_TRANSLATE_NOOP("Reasons", "float32 needs {needed}, {free} are free"),
    QT_TRANSLATE_NOOP("Reasons", "the model needs {needed} and {free} are free on {device}"),
    QT_TRANSLATE_NOOP("Reasons", "the prompt's ids are not those of a vocabulary of {size}"),
    QT_TRANSLATE_NOOP("Reasons", "max_new_tokens must be at least 1"),
    QT_TRANSLATE_NOOP(
        "Reasons", "temperature must be 0 or more, top_p above 0 and at most 1, repetition_penalty above 0"
    ),
    QT_TRANSLATE_NOOP(
        "Reasons", "top_k must be 1 to {most}, min_p 0 or more and below 1, no_repeat_ngram_size 0 or more"
    ),
    QT_TRANSLATE_NOOP("Reasons", "cannot write {target}"),
    QT_TRANSLATE_NOOP("Reasons", "the seed cannot be {value}"),
    QT_TRANSLATE_NOOP("Reasons", "the temperature cannot be {value}"),
    QT_TRANSLATE_NOOP("Reasons", "{setting} {value} is not known"),
    QT_TRANSLATE_NOOP("Reasons", "the folder of the starter model and the sample pictures is missing"),
    QT_TRANSLATE_NOOP("Reasons", "Close other programs, or take a smaller model."),
    QT_TRANSLATE_NOOP("Reasons", "There is only cuda:0."),
    QT_TRANSLATE_NOOP("Reasons", "There are {first} to {last}."),
    QT_TRANSLATE_NOOP("Reasons", "Install mqwen again."),
    QT_TRANSLATE_NOOP("Reasons", "Load it again."),
    QT_TRANSLATE_NOOP("Reasons", "Take a finite number from 0."),
    QT_TRANSLATE_NOOP("Reasons", "Take a whole number from 0 to {most}."),
    QT_TRANSLATE_NOOP("Reasons", "Take any of {names}."),
    QT_TRANSLATE_NOOP("Reasons", "Take one of {names}."),
)
ENGINE: tuple[str, ...] = tuple(map(str, _TEXTS))
