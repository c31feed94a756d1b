"""What to do about an error in the window, where mqwen's own hint names a command or an option of the command line.

In pairs: mqwen's text, and the window's, with the same names in braces; see desktop.reasons.
"""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP

_TEXTS = (
    (
        "Check the connection; the same command goes on from here.",
        QT_TRANSLATE_NOOP("Reasons", "Check the connection, then download it again: it goes on from here."),
    ),
    (
        "Start the same command then; it goes on from here.",
        QT_TRANSLATE_NOOP("Reasons", "Download it again then: it goes on from here."),
    ),
    (
        "Check HF_ENDPOINT and the proxy settings (HTTPS_PROXY).",
        QT_TRANSLATE_NOOP(
            "Reasons",
            "Check the proxy settings of this computer (the environment variables HF_ENDPOINT and HTTPS_PROXY), "
            "and start MQwen again.",
        ),
    ),
    (
        "Download the model again: `mqwen models get NAME --again`.",
        QT_TRANSLATE_NOOP("Reasons", "Remove the model in Run > Models, then download it there again."),
    ),
    (
        "Get it with `mqwen models get {name}`.",
        QT_TRANSLATE_NOOP("Reasons", "Download it: Run > Models, {name}, Download."),
    ),
    (
        "Give a hub id, OWNER/NAME, or a name that `mqwen models list` shows.",
        QT_TRANSLATE_NOOP(
            "Reasons",
            "Type a name of the hub, OWNER/NAME, or choose a model of the list in Run > Models.",
        ),
    ),
    (
        "Give a model folder or a name that is installed in {folder} (here: {names}).",
        QT_TRANSLATE_NOOP("Reasons", "Choose another model in the bar, or add its folder in Run > Models."),
    ),
    (
        "Give a model folder or a name that is installed in {folder} (here: {names}), or get it from the hub with"
        " `mqwen models get {name}`.",
        QT_TRANSLATE_NOOP(
            "Reasons",
            "Choose another model in the bar, or download this one: type {name} in Run > Models.",
        ),
    ),
    (
        "MQwen runs no code in them. If you trust their owner, say so (--allow-pickle).",
        QT_TRANSLATE_NOOP(
            "Reasons",
            "MQwen runs no code in them. If you trust their owner, download it again and tick that you do.",
        ),
    ),
    (
        "Read it at {page}, and accept it (--yes).",
        QT_TRANSLATE_NOOP("Reasons", "Read it at {page}, then download it again and tick that you accept it."),
    ),
    (
        "Make room and start again: it goes on from here. `mqwen models path --set DIR` keeps models elsewhere.",
        QT_TRANSLATE_NOOP(
            "Reasons",
            "Make room and download it again: it goes on from here. File > Settings > Models keeps models in "
            "another folder.",
        ),
    ),
    (
        "Make room, or keep models elsewhere: `mqwen models path --set DIR`.",
        QT_TRANSLATE_NOOP("Reasons", "Make room, or keep models in another folder: File > Settings > Models."),
    ),
    (
        "Remove this file, or name the folder with `mqwen models path --set DIR`.",
        QT_TRANSLATE_NOOP("Reasons", "Choose the folder of models again in File > Settings > Models."),
    ),
    (
        "Name a folder in the LLaVA layout, or make one with `mqwen models import`.",
        QT_TRANSLATE_NOOP(
            "Reasons",
            "Choose a folder in the LLaVA layout, or make one: Run > Models > Join three parts.",
        ),
    ),
    (
        "This is a {part} alone: join the parts with `mqwen models import`.",
        QT_TRANSLATE_NOOP("Reasons", "This is a {part} alone: join the parts in Run > Models > Join three parts."),
    ),
    (
        "See `mqwen models list`.",
        QT_TRANSLATE_NOOP("Reasons", "Run > Models shows those that there are."),
    ),
    (
        "log in with `hf auth login` (or set HF_TOKEN)",
        QT_TRANSLATE_NOOP("Reasons", "start MQwen with your token of the hub in the environment variable HF_TOKEN"),
    ),
    (
        "`mqwen runs list` shows those that there are.",
        QT_TRANSLATE_NOOP("Reasons", "Run > History shows those that there are."),
    ),
    (
        "Check the permissions of its folder and the disk, or set MQWEN_DATA_DIR to another folder.",
        QT_TRANSLATE_NOOP("Reasons", "Check the permissions of its folder and the disk, then start MQwen again."),
    ),
    (
        "Check the permissions of its folder, or set MQWEN_DATA_DIR to another one.",
        QT_TRANSLATE_NOOP("Reasons", "Check the permissions of its folder, then start MQwen again."),
    ),
    (
        "Run `mqwen library verify --repair`: what can be read is kept.",
        QT_TRANSLATE_NOOP("Reasons", "Choose Help > Check the catalog: what can be read is kept."),
    ),
    (
        "Close other programs, or take a smaller model or --device cpu.",
        QT_TRANSLATE_NOOP(
            "Reasons",
            "Close other programs, take a smaller model, or choose the processor: File > Settings > Models > Device.",
        ),
    ),
    (
        "This PyTorch is built for the processor only: install a CUDA build of it, or take --device cpu.",
        QT_TRANSLATE_NOOP(
            "Reasons",
            "This PyTorch is built for the processor only: install a CUDA build of it, or choose the processor: "
            "File > Settings > Models > Device.",
        ),
    ),
    (
        "PyTorch sees no working CUDA card: check the driver, or take --device cpu.",
        QT_TRANSLATE_NOOP(
            "Reasons",
            "PyTorch sees no working CUDA card: check the driver, or choose the processor: File > Settings > "
            "Models > Device.",
        ),
    ),
    (
        "Take auto, cpu, cuda or cuda:N.",
        QT_TRANSLATE_NOOP("Reasons", "Choose another one: File > Settings > Models > Device."),
    ),
    (
        "Take --quantize int8, or none.",
        QT_TRANSLATE_NOOP("Reasons", "Choose 8 bits, or Never: File > Settings > Models > Shrink the weights."),
    ),
    (
        "Take --quantize nf4 or none.",
        QT_TRANSLATE_NOOP("Reasons", "Choose 4 bits, or Never: File > Settings > Models > Shrink the weights."),
    ),
    (
        "Install it with `pip install 'mqwen[quantize]'`, or take --quantize int8.",
        QT_TRANSLATE_NOOP("Reasons", "Choose 8 bits instead: File > Settings > Models > Shrink the weights."),
    ),
    (
        "Install it with `pip install pillow-heif`, or convert the photo to JPEG.",
        QT_TRANSLATE_NOOP(
            "Reasons",
            "Convert the photo to JPEG, or install pillow-heif in MQwen's Python and start MQwen again.",
        ),
    ),
    (
        "Install Pillow's own build with `pip install --force-reinstall pillow`, or convert the photo to JPEG.",
        QT_TRANSLATE_NOOP(
            "Reasons",
            "Convert the photo to JPEG, or install Pillow's own build in MQwen's Python and start MQwen again.",
        ),
    ),
    (
        "Install it from exiftool.org, or do without --exiftool.",
        QT_TRANSLATE_NOOP("Reasons", "Install it from exiftool.org, then try again."),
    ),
    (
        "Install a newer one from exiftool.org, or do without --exiftool: sidecars are written then.",
        QT_TRANSLATE_NOOP("Reasons", "Install a newer one from exiftool.org, then try again."),
    ),
    (
        "Do without --exiftool.",
        QT_TRANSLATE_NOOP("Reasons", "Install it again from exiftool.org, then try again."),
    ),
    (
        "a person wrote or edited its text; only --existing overwrite-all replaces that",
        QT_TRANSLATE_NOOP("Reasons", "a person wrote or edited its text; only “Replace everything” replaces that"),
    ),
)
IN_THE_WINDOW: dict[str, str] = {said: str(text) for said, text in _TEXTS}
