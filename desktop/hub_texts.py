"""What mqwen.hub says when a model cannot be had, for desktop.reasons; {name} is the moment's own."""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP

_TEXTS = (
    QT_TRANSLATE_NOOP("Reasons", "there is no connection to the hub"),
    QT_TRANSLATE_NOOP("Reasons", "the hub does not answer"),
    QT_TRANSLATE_NOOP("Reasons", "the connection broke"),
    QT_TRANSLATE_NOOP("Reasons", "the proxy does not let the download through ({error})"),
    QT_TRANSLATE_NOOP("Reasons", "the hub has a fault (HTTP {status})"),
    QT_TRANSLATE_NOOP("Reasons", "the hub waited too long"),
    QT_TRANSLATE_NOOP("Reasons", "the hub is asked too often (HTTP 429)"),
    QT_TRANSLATE_NOOP("Reasons", "{trouble}; again in {pause} s"),
    QT_TRANSLATE_NOOP("Reasons", "{trouble}; again in {minutes} minutes"),
    QT_TRANSLATE_NOOP("Reasons", "the hub does not have it (HTTP 404)"),
    QT_TRANSLATE_NOOP("Reasons", "the hub does not have this revision"),
    QT_TRANSLATE_NOOP("Reasons", "the hub refuses it (HTTP {status})"),
    QT_TRANSLATE_NOOP("Reasons", "the hub's address is wrong ({error})"),
    QT_TRANSLATE_NOOP("Reasons", "the owner gives access on request only"),
    QT_TRANSLATE_NOOP("Reasons", "there is no such model on the hub, or it is not open to you"),
    QT_TRANSLATE_NOOP("Reasons", "another process downloads this model just now"),
    QT_TRANSLATE_NOOP("Reasons", "the other process has just come to its end"),
    QT_TRANSLATE_NOOP("Reasons", "twice it did not arrive as the hub lists it"),
    QT_TRANSLATE_NOOP("Reasons", "it does not arrive as the hub lists it"),
    QT_TRANSLATE_NOOP(
        "Reasons", "the download needs {room} GB of room, a little to spare in it, and {free} GB are free"
    ),
    QT_TRANSLATE_NOOP("Reasons", "the download was stopped"),
    QT_TRANSLATE_NOOP("Reasons", "stopped while a file was checked"),
    QT_TRANSLATE_NOOP("Reasons", "stopped while a model was checked"),
    QT_TRANSLATE_NOOP("Reasons", "the disk is full"),
    QT_TRANSLATE_NOOP("Reasons", "it cannot be read back ({error})"),
    QT_TRANSLATE_NOOP("Reasons", "it cannot be removed ({error})"),
    QT_TRANSLATE_NOOP("Reasons", "it is damaged ({error})"),
    QT_TRANSLATE_NOOP("Reasons", "it does not say where the models are ({error})"),
    QT_TRANSLATE_NOOP("Reasons", "it lacks {name}, which {index} names"),
    QT_TRANSLATE_NOOP("Reasons", "no config.json in this model folder"),
    QT_TRANSLATE_NOOP("Reasons", "the licence of {model} is not a permissive one ({licence})"),
    QT_TRANSLATE_NOOP("Reasons", "its page names none"),
    QT_TRANSLATE_NOOP("Reasons", "the weights of {model} are pickles, there are no safetensors"),
    QT_TRANSLATE_NOOP("Reasons", "the model {name} is known, but not on this machine"),
    QT_TRANSLATE_NOOP("Reasons", "the starter model comes with MQwen and stays"),
    QT_TRANSLATE_NOOP("Reasons", "there is no model {name} in {folder}"),
    QT_TRANSLATE_NOOP("Reasons", "there is no model {name}"),
    QT_TRANSLATE_NOOP("Reasons", "there is no such folder"),
    QT_TRANSLATE_NOOP("Reasons", "{name} is no model on the hub"),
    QT_TRANSLATE_NOOP("Reasons", "Ask for access on the model's page, then {login} and try again."),
    QT_TRANSLATE_NOOP("Reasons", "Check its name on the hub."),
    QT_TRANSLATE_NOOP("Reasons", "Check its name; if it is private or gated, {login}."),
    QT_TRANSLATE_NOOP("Reasons", "Download it again."),
    QT_TRANSLATE_NOOP(
        "Reasons", "It holds adapter_config.json, adapter_model.bin and other_params.bin, as the training left them."
    ),
    QT_TRANSLATE_NOOP("Reasons", "MQwen needs a model in transformers' form."),
    QT_TRANSLATE_NOOP(
        "Reasons", "MQwen reads model.safetensors and pytorch_model.bin, whole or in shards, not quantised."
    ),
    QT_TRANSLATE_NOOP("Reasons", "Nothing is gained by removing it."),
    QT_TRANSLATE_NOOP("Reasons", "The folder is yours: delete it yourself."),
    QT_TRANSLATE_NOOP("Reasons", "The upload is not complete: tell its owner."),
    QT_TRANSLATE_NOOP("Reasons", "Try again later."),
    QT_TRANSLATE_NOOP(
        "Reasons", "Try again later. If it stays so, the file on the server, or something on the way, is damaged."
    ),
    QT_TRANSLATE_NOOP("Reasons", "Wait for it, or stop it."),
    QT_TRANSLATE_NOOP("Reasons", "it has no config.json (its weights are {kinds} files)"),
    QT_TRANSLATE_NOOP("Reasons", "it has no weights that MQwen can read (its weights are {kinds} files)"),
    QT_TRANSLATE_NOOP("Reasons", "Remove that folder and put the model there again."),
    QT_TRANSLATE_NOOP("Reasons", "it has no config.json"),
    QT_TRANSLATE_NOOP("Reasons", "it has no weights that MQwen can read"),
    QT_TRANSLATE_NOOP("Reasons", "it is missing"),
    QT_TRANSLATE_NOOP("Reasons", "it has {size} bytes instead of {expected}"),
    QT_TRANSLATE_NOOP("Reasons", "its content is not what was downloaded"),
)
HUB: tuple[str, ...] = tuple(map(str, _TEXTS))
