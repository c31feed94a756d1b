<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en">
<context>
    <name>CheckReport</name>
    <message numerus="yes">
        <source>%Ln photo(s) will be captioned</source>
        <translation>
            <numerusform>%Ln photo will be captioned</numerusform>
            <numerusform>%Ln photos will be captioned</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) have text already and are left as they are</source>
        <translation>
            <numerusform>%Ln photo has text already and is left as it is</numerusform>
            <numerusform>%Ln photos have text already and are left as they are</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) have a caption that is up to date</source>
        <translation>
            <numerusform>%Ln photo has a caption that is up to date</numerusform>
            <numerusform>%Ln photos have a caption that is up to date</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) were done before the run was interrupted</source>
        <translation>
            <numerusform>%Ln photo was done before the run was interrupted</numerusform>
            <numerusform>%Ln photos were done before the run was interrupted</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) have words that a person wrote: they stay</source>
        <translation>
            <numerusform>%Ln photo has words that a person wrote: they stay</numerusform>
            <numerusform>%Ln photos have words that a person wrote: they stay</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) cannot be read here ({names}): {reason}</source>
        <translation>
            <numerusform>%Ln photo cannot be read here ({names}): {reason}</numerusform>
            <numerusform>%Ln photos cannot be read here ({names}): {reason}</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln cannot be read: </source>
        <translation>
            <numerusform>%Ln cannot be read: </numerusform>
            <numerusform>%Ln cannot be read: </numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) are read-only: </source>
        <translation>
            <numerusform>%Ln photo is read-only: </numerusform>
            <numerusform>%Ln photos are read-only: </numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) have further names (hard links): </source>
        <translation>
            <numerusform>%Ln photo has further names (hard links): </numerusform>
            <numerusform>%Ln photos have further names (hard links): </numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) get an XMP sidecar, as nothing can be embedded ({reason}): </source>
        <translation>
            <numerusform>%Ln photo gets an XMP sidecar, as nothing can be embedded ({reason}): </numerusform>
            <numerusform>%Ln photos get an XMP sidecar, as nothing can be embedded ({reason}): </numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) were opened for that; the others are judged by their format</source>
        <translation>
            <numerusform>%Ln photo was opened for that; the others are judged by their format</numerusform>
            <numerusform>%Ln photos were opened for that; the others are judged by their format</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln second(s)</source>
        <translation>
            <numerusform>%Ln second</numerusform>
            <numerusform>%Ln seconds</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln minute(s)</source>
        <translation>
            <numerusform>%Ln minute</numerusform>
            <numerusform>%Ln minutes</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln hour(s)</source>
        <translation>
            <numerusform>%Ln hour</numerusform>
            <numerusform>%Ln hours</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Closing</name>
    <message numerus="yes">
        <source>What you typed about %n photo(s) is not applied, and cannot be kept.</source>
        <translation>
            <numerusform>What you typed about %n photo is not applied, and cannot be kept.</numerusform>
            <numerusform>What you typed about %n photos is not applied, and cannot be kept.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Counter</name>
    <message numerus="yes">
        <source>%n character(s)</source>
        <translation>
            <numerusform>%n character</numerusform>
            <numerusform>%n characters</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Drafts</name>
    <message numerus="yes">
        <source>Not applied yet, to %n photo(s):</source>
        <translation>
            <numerusform>Not applied yet, to %n photo:</numerusform>
            <numerusform>Not applied yet, to %n photos:</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>EditActions</name>
    <message numerus="yes">
        <source>{what} of %n photos</source>
        <translation>
            <numerusform>{what} of %n photo</numerusform>
            <numerusform>{what} of %n photos</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>EditorDock</name>
    <message numerus="yes">
        <source>%n photo(s) selected</source>
        <translation>
            <numerusform>%n photo selected</numerusform>
            <numerusform>%n photos selected</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>&amp;Apply to %n photo(s)</source>
        <translation>
            <numerusform>&amp;Apply to %n photo</numerusform>
            <numerusform>&amp;Apply to %n photos</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Export</name>
    <message numerus="yes">
        <source>%n caption(s) exported to {file}</source>
        <translation>
            <numerusform>%n caption exported to {file}</numerusform>
            <numerusform>%n captions exported to {file}</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>History</name>
    <message numerus="yes">
        <source>%n file(s) will be as they were before the run.</source>
        <translation>
            <numerusform>%n file will be as it was before the run.</numerusform>
            <numerusform>%n files will be as they were before the run.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) were changed since, and stay as they are: {names}</source>
        <translation>
            <numerusform>%n file was changed since, and stays as it is: {names}</numerusform>
            <numerusform>%n files were changed since, and stay as they are: {names}</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) are as they were before the run.</source>
        <translation>
            <numerusform>%n file is as it was before the run.</numerusform>
            <numerusform>%n files are as they were before the run.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>HistoryDialog</name>
    <message numerus="yes">
        <source>… and %Ln more</source>
        <translation>
            <numerusform>… and %Ln more</numerusform>
            <numerusform>… and %Ln more</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>KeptDrafts</name>
    <message numerus="yes">
        <source>What you typed about %n photo(s) and did not apply is back: see Words.</source>
        <translation>
            <numerusform>What you typed about %n photo and did not apply is back: see Words.</numerusform>
            <numerusform>What you typed about %n photos and did not apply is back: see Words.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ModelWords</name>
    <message numerus="yes">
        <source>%n minute(s) left</source>
        <translation>
            <numerusform>%n minute left</numerusform>
            <numerusform>%n minutes left</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) left</source>
        <translation>
            <numerusform>%n hour left</numerusform>
            <numerusform>%n hours left</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Numbers</name>
    <message numerus="yes">
        <source>%n photo(s) would change</source>
        <translation>
            <numerusform>%n photo would change</numerusform>
            <numerusform>%n photos would change</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>C&amp;hange %n photo(s)</source>
        <translation>
            <numerusform>C&amp;hange %n photo</numerusform>
            <numerusform>C&amp;hange %n photos</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ReviewPage</name>
    <message numerus="yes">
        <source>That was the last of %n photo(s). Esc goes back to the grid.</source>
        <translation>
            <numerusform>That was the last of %n photo. Esc goes back to the grid.</numerusform>
            <numerusform>That was the last of %n photos. Esc goes back to the grid.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>RunControls</name>
    <message numerus="yes">
        <source>A run over %n photo(s) did not come to its end: {where}</source>
        <translation>
            <numerusform>A run over %n photo did not come to its end: {where}</numerusform>
            <numerusform>A run over %n photos did not come to its end: {where}</numerusform>
        </translation>
    </message>
</context>
</TS>
