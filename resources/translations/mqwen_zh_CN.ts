<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN">
<context>
    <name>AffixDialog</name>
    <message>
        <source>Add text before or after</source>
        <translation>在前面或后面添加文字</translation>
    </message>
    <message>
        <source>Taken as it is typed, blanks too; where it stands already it is not added again</source>
        <translation>按输入原样添加，包括空格；已经有的不会重复添加</translation>
    </message>
    <message>
        <source>&amp;Before</source>
        <translation>前面(&amp;B)</translation>
    </message>
    <message>
        <source>Af&amp;ter</source>
        <translation>后面(&amp;T)</translation>
    </message>
    <message>
        <source>Type what to add</source>
        <translation>请输入要添加的文字</translation>
    </message>
</context>
<context>
    <name>Arranging</name>
    <message>
        <source>Show as a &amp;grid</source>
        <translation>以网格显示(&amp;G)</translation>
    </message>
    <message>
        <source>Show as a l&amp;ist</source>
        <translation>以列表显示(&amp;I)</translation>
    </message>
</context>
<context>
    <name>Bar</name>
    <message>
        <source>&amp;Model</source>
        <translation>模型(&amp;M)</translation>
    </message>
    <message>
        <source>Own prompt</source>
        <translation>自定义提示词</translation>
    </message>
    <message>
        <source>St&amp;yle</source>
        <translation>风格(&amp;Y)</translation>
    </message>
    <message>
        <source>&amp;Language</source>
        <translation>语言(&amp;L)</translation>
    </message>
    <message>
        <source>E&amp;xisting text</source>
        <translation>已有文字(&amp;X)</translation>
    </message>
    <message>
        <source>What to ask about each photo</source>
        <translation>针对每张照片要问的问题</translation>
    </message>
    <message>
        <source>{name}, {folder}, {date} and {existing} stand for each photo&apos;s own</source>
        <translation>{name}、{folder}、{date} 和 {existing} 代表每张照片自己的文件名、文件夹、日期和已有文字</translation>
    </message>
    <message>
        <source>May hold {name} {folder} {date} {existing}</source>
        <translation>可用 {name} {folder} {date} {existing}</translation>
    </message>
    <message>
        <source>&amp;Start</source>
        <translation>开始(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>取消(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Try on 12</source>
        <translation>试 12 张(&amp;T)</translation>
    </message>
    <message>
        <source>&amp;Pause</source>
        <translation>暂停(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;Go on</source>
        <translation>继续(&amp;G)</translation>
    </message>
    <message>
        <source>&amp;Write</source>
        <translation>写入(&amp;W)</translation>
    </message>
    <message>
        <source>Let the run go on</source>
        <translation>让任务继续</translation>
    </message>
    <message>
        <source>Let the run rest; nothing is lost</source>
        <translation>让任务暂停，不会丢失任何内容</translation>
    </message>
    <message>
        <source>Caption a dozen different photos and write nothing</source>
        <translation>为十二张不同的照片生成描述，什么也不写入</translation>
    </message>
    <message>
        <source>Choose a model folder</source>
        <translation>选择模型文件夹</translation>
    </message>
    <message>
        <source>Starter: drawings only</source>
        <translation>入门模型：仅限图画</translation>
    </message>
    <message>
        <source>Choose a folder…</source>
        <translation>选择文件夹…</translation>
    </message>
</context>
<context>
    <name>Captioning</name>
    <message>
        <source>Your text is not saved: {reason}</source>
        <translation>您的文字没有保存：{reason}</translation>
    </message>
    <message>
        <source>unknown reason</source>
        <translation>原因不明</translation>
    </message>
</context>
<context>
    <name>Card</name>
    <message>
        <source>Waiting…</source>
        <translation>等待中…</translation>
    </message>
    <message>
        <source>Now: {caption}</source>
        <translation>现在：{caption}</translation>
    </message>
    <message>
        <source>Failed: {reason}</source>
        <translation>失败：{reason}</translation>
    </message>
</context>
<context>
    <name>CatalogCare</name>
    <message>
        <source>Check the &amp;catalog</source>
        <translation>检查目录库(&amp;C)</translation>
    </message>
    <message>
        <source>The catalog can be checked when the run has ended.</source>
        <translation>任务结束后才能检查目录库。</translation>
    </message>
    <message>
        <source>Checking the catalog…</source>
        <translation>正在检查目录库……</translation>
    </message>
    <message>
        <source>The catalog is damaged, and could not be repaired: {what}</source>
        <translation>目录库已损坏，无法修复：{what}</translation>
    </message>
    <message>
        <source>The search index of the catalog was damaged, and is made anew.</source>
        <translation>目录库的搜索索引已损坏，现已重新建立。</translation>
    </message>
    <message>
        <source>Nothing is wrong with the catalog.</source>
        <translation>目录库没有问题。</translation>
    </message>
</context>
<context>
    <name>ChangeDialog</name>
    <message>
        <source>&amp;Captions</source>
        <translation>描述(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Keywords</source>
        <translation>关键词(&amp;K)</translation>
    </message>
    <message>
        <source>Alt te&amp;xts</source>
        <translation>替代文本(&amp;X)</translation>
    </message>
    <message>
        <source>In</source>
        <translation>位置</translation>
    </message>
    <message>
        <source>Of</source>
        <translation>范围</translation>
    </message>
    <message>
        <source>What would change</source>
        <translation>将会改变的内容</translation>
    </message>
    <message>
        <source>Photo</source>
        <translation>照片</translation>
    </message>
    <message>
        <source>Now</source>
        <translation>现在</translation>
    </message>
    <message>
        <source>Then</source>
        <translation>之后</translation>
    </message>
    <message>
        <source>Columns</source>
        <translation>列</translation>
    </message>
    <message>
        <source>Photos without a tick are left as they are</source>
        <translation>没有打勾的照片保持原样</translation>
    </message>
    <message>
        <source>C&amp;lose</source>
        <translation>关闭(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;Selected photos ({count})</source>
        <translation>所选照片 ({count})(&amp;S)</translation>
    </message>
    <message>
        <source>All photos s&amp;hown ({count})</source>
        <translation>所有显示的照片 ({count})(&amp;H)</translation>
    </message>
    <message>
        <source>This regular expression takes too long. Make it simpler: not one repetition inside another, as in (a+)+</source>
        <translation>此正则表达式耗时过长。请将其简化：不要在重复中再嵌套重复，例如 (a+)+</translation>
    </message>
    <message>
        <source>the first {count} are listed</source>
        <translation>列出前 {count} 项</translation>
    </message>
</context>
<context>
    <name>CheckDialog</name>
    <message>
        <source>Before the run</source>
        <translation>开始之前</translation>
    </message>
    <message>
        <source>Looking at what is there…</source>
        <translation>正在查看现有内容…</translation>
    </message>
    <message>
        <source>Progress of the check</source>
        <translation>检查进度</translation>
    </message>
    <message>
        <source>What will happen</source>
        <translation>将要进行的操作</translation>
    </message>
    <message>
        <source>&amp;Start</source>
        <translation>开始(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Try it on 12…</source>
        <translation>先试 12 张(&amp;T)…</translation>
    </message>
    <message>
        <source>Caption a dozen different photos and write nothing</source>
        <translation>为十二张不同的照片生成描述，什么也不写入</translation>
    </message>
    <message>
        <source>Nothing is written: captions are only shown</source>
        <translation>什么也不写入：描述只在这里显示</translation>
    </message>
    <message>
        <source>Photos are never damaged, and the whole run can be taken back under Run &gt; History</source>
        <translation>照片绝不会受损，整个任务可以在“运行 &gt; 历史”中撤回</translation>
    </message>
    <message>
        <source>The run cannot start</source>
        <translation>任务无法开始</translation>
    </message>
</context>
<context>
    <name>CheckReport</name>
    <message numerus="yes">
        <source>%Ln photo(s) will be captioned</source>
        <translation>
            <numerusform>将为 %Ln 张照片生成描述</numerusform>
        </translation>
    </message>
    <message>
        <source>There is nothing to caption</source>
        <translation>没有需要生成描述的照片</translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) have text already and are left as they are</source>
        <translation>
            <numerusform>%Ln 张照片已有文字，保持原样</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) have a caption that is up to date</source>
        <translation>
            <numerusform>%Ln 张照片的描述是最新的</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) were done before the run was interrupted</source>
        <translation>
            <numerusform>%Ln 张照片在任务中断前已经完成</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) have words that a person wrote: they stay</source>
        <translation>
            <numerusform>%Ln 张照片有人写的文字：保留不动</numerusform>
        </translation>
    </message>
    <message>
        <source>It takes about {time} at the speed of the last run</source>
        <translation>按上次任务的速度，大约需要 {time}</translation>
    </message>
    <message>
        <source>{needed} will be written; {free} are free</source>
        <translation>将写入 {needed}，可用空间 {free}</translation>
    </message>
    <message>
        <source>The disk is too full: {needed} are needed, {free} are free</source>
        <translation>磁盘空间不足：需要 {needed}，可用 {free}</translation>
    </message>
    <message>
        <source>Nothing can be written in {folders}</source>
        <translation>无法写入 {folders}</translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) cannot be read here ({names}): {reason}</source>
        <translation>
            <numerusform>%Ln 张照片在本机上无法读取（{names}）：{reason}</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln cannot be read: </source>
        <translation>
            <numerusform>%Ln 个无法读取：</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) are read-only: </source>
        <translation>
            <numerusform>%Ln 张照片是只读的：</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) have further names (hard links): </source>
        <translation>
            <numerusform>%Ln 张照片另有名称（硬链接）：</numerusform>
        </translation>
    </message>
    <message>
        <source>Photos that share a name get files with their whole names: </source>
        <translation>同名的照片将使用带完整文件名的文件：</translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) get an XMP sidecar, as nothing can be embedded ({reason}): </source>
        <translation>
            <numerusform>%Ln 张照片无法嵌入（{reason}），将使用 XMP 附属文件：</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln photo(s) were opened for that; the others are judged by their format</source>
        <translation>
            <numerusform>为此打开了 %Ln 张照片，其余按格式判断</numerusform>
        </translation>
    </message>
    <message>
        <source>There are XMP sidecars of both names, IMG.jpg.xmp and IMG.xmp; each is kept as it is called</source>
        <translation>存在 IMG.jpg.xmp 和 IMG.xmp 两种命名的 XMP 附属文件，各自保持原名</translation>
    </message>
    <message numerus="yes">
        <source>%Ln second(s)</source>
        <translation>
            <numerusform>%Ln 秒</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln minute(s)</source>
        <translation>
            <numerusform>%Ln 分钟</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%Ln hour(s)</source>
        <translation>
            <numerusform>%Ln 小时</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ChoiceWords</name>
    <message>
        <source>Brief</source>
        <translation>简短</translation>
    </message>
    <message>
        <source>Detailed</source>
        <translation>详细</translation>
    </message>
    <message>
        <source>Keywords</source>
        <translation>关键词</translation>
    </message>
    <message>
        <source>Alt text</source>
        <translation>替代文本</translation>
    </message>
    <message>
        <source>Own prompt</source>
        <translation>自定义提示词</translation>
    </message>
    <message>
        <source>.txt</source>
        <translation>.txt</translation>
    </message>
    <message>
        <source>.caption</source>
        <translation>.caption</translation>
    </message>
    <message>
        <source>XMP</source>
        <translation>XMP</translation>
    </message>
    <message>
        <source>in the photo</source>
        <translation>照片内</translation>
    </message>
    <message>
        <source>metadata.jsonl</source>
        <translation>metadata.jsonl</translation>
    </message>
    <message>
        <source>Nothing, only show</source>
        <translation>不写入，只显示</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保留</translation>
    </message>
    <message>
        <source>Keep, fill what is missing</source>
        <translation>保留，补上缺少的</translation>
    </message>
    <message>
        <source>Add to it</source>
        <translation>追加</translation>
    </message>
    <message>
        <source>Replace what is out of date</source>
        <translation>替换过时的</translation>
    </message>
    <message>
        <source>Replace what MQwen wrote</source>
        <translation>替换 MQwen 写的</translation>
    </message>
    <message>
        <source>Replace everything</source>
        <translation>全部替换</translation>
    </message>
    <message>
        <source>Run {number} · asked: {prompt} · written to: {places} · existing text: {existing}</source>
        <translation>任务 {number} · 提问：{prompt} · 写入：{places} · 已有文字：{existing}</translation>
    </message>
</context>
<context>
    <name>Closing</name>
    <message>
        <source>Your words about {names} could not be saved. Closing again gives them up.</source>
        <translation>您为 {names} 写的文字无法保存。再次关闭将放弃这些文字。</translation>
    </message>
    <message numerus="yes">
        <source>What you typed about %n photo(s) is not applied, and cannot be kept.</source>
        <translation>
            <numerusform>您为 %n 张照片输入的文字尚未应用，也无法保存。</numerusform>
        </translation>
    </message>
    <message>
        <source>Finishing your edit, then MQwen closes…</source>
        <translation>正在完成您的编辑，随后 MQwen 将关闭…</translation>
    </message>
</context>
<context>
    <name>ConsentDialog</name>
    <message>
        <source>Download a model</source>
        <translation>下载模型</translation>
    </message>
    <message>
        <source>All parts are here already.</source>
        <translation>所有部分都已在本机。</translation>
    </message>
    <message>
        <source>An interrupted download goes on where it broke. Every file is checked.</source>
        <translation>中断的下载会从断点继续，每个文件都会校验。</translation>
    </message>
    <message>
        <source>I have read and accept the licence of {name}</source>
        <translation>我已阅读并接受 {name} 的许可协议</translation>
    </message>
    <message>
        <source>I trust the owner of {name}: its weights are pickles (MQwen runs no code in them)</source>
        <translation>我信任 {name} 的所有者：其权重为 pickle 格式（MQwen 不会运行其中的代码）</translation>
    </message>
    <message>
        <source>&amp;Download</source>
        <translation>下载(&amp;D)</translation>
    </message>
</context>
<context>
    <name>Counter</name>
    <message>
        <source>Length of {field}</source>
        <translation>{field}的长度</translation>
    </message>
    <message>
        <source>Alt texts are best up to 125 characters; beyond 250 they are shortened in the photo</source>
        <translation>替代文本最好不超过 125 个字符；超过 250 个字符时，写入照片时会缩短</translation>
    </message>
    <message>
        <source>CLIP text encoders, as training uses them, read 77 tokens and no more. An estimate</source>
        <translation>训练所用的 CLIP 文本编码器最多读取 77 个词元。此为估计值</translation>
    </message>
    <message>
        <source>{count} of {aim} characters</source>
        <translation>{count} / {aim} 个字符</translation>
    </message>
    <message>
        <source>will be shortened to {most}</source>
        <translation>将缩短为 {most} 个</translation>
    </message>
    <message>
        <source>long</source>
        <translation>偏长</translation>
    </message>
    <message numerus="yes">
        <source>%n character(s)</source>
        <translation>
            <numerusform>%n 个字符</numerusform>
        </translation>
    </message>
    <message>
        <source>about {count} of {most} CLIP tokens</source>
        <translation>约 {count} / {most} 个 CLIP 词元</translation>
    </message>
    <message>
        <source>too long</source>
        <translation>过长</translation>
    </message>
</context>
<context>
    <name>DetailsDialog</name>
    <message>
        <source>Nothing of this is sent anywhere. It may name folders and photos: look before you pass it on.</source>
        <translation>这些内容不会发送到任何地方。其中可能含有文件夹和照片的名称，转交他人前请先看一看。</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详情</translation>
    </message>
    <message>
        <source>&amp;Copy</source>
        <translation>复制(&amp;C)</translation>
    </message>
    <message>
        <source>Show the &amp;folder</source>
        <translation>打开文件夹(&amp;F)</translation>
    </message>
</context>
<context>
    <name>DiffLabel</name>
    <message>
        <source>Before: {old}. After: {new}</source>
        <translation>之前：{old}。之后：{new}</translation>
    </message>
    <message>
        <source>nothing</source>
        <translation>无</translation>
    </message>
</context>
<context>
    <name>Drafts</name>
    <message>
        <source>Appl&amp;y</source>
        <translation>应用(&amp;Y)</translation>
    </message>
    <message>
        <source>&amp;Discard</source>
        <translation>放弃(&amp;D)</translation>
    </message>
    <message numerus="yes">
        <source>Not applied yet, to %n photo(s):</source>
        <translation>
            <numerusform>尚未应用到 %n 张照片：</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>EditActions</name>
    <message>
        <source>caption</source>
        <translation>描述</translation>
    </message>
    <message>
        <source>keywords</source>
        <translation>关键词</translation>
    </message>
    <message>
        <source>alt text</source>
        <translation>替代文本</translation>
    </message>
    <message>
        <source>words</source>
        <translation>文字</translation>
    </message>
    <message>
        <source>find and replace</source>
        <translation>查找和替换</translation>
    </message>
    <message>
        <source>text before or after</source>
        <translation>前后添加文字</translation>
    </message>
    <message>
        <source>paste caption</source>
        <translation>粘贴描述</translation>
    </message>
    <message>
        <source>approve</source>
        <translation>通过</translation>
    </message>
    <message>
        <source>reject</source>
        <translation>拒绝</translation>
    </message>
    <message>
        <source>another caption</source>
        <translation>换一条描述</translation>
    </message>
    <message>
        <source>&amp;Copy caption</source>
        <translation>复制描述(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Paste caption</source>
        <translation>粘贴描述(&amp;P)</translation>
    </message>
    <message>
        <source>Appro&amp;ve caption</source>
        <translation>通过描述(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Undo {what}</source>
        <translation>撤销{what}(&amp;U)</translation>
    </message>
    <message>
        <source>&amp;Undo</source>
        <translation>撤销(&amp;U)</translation>
    </message>
    <message>
        <source>Re&amp;do {what}</source>
        <translation>重做{what}(&amp;D)</translation>
    </message>
    <message>
        <source>Re&amp;do</source>
        <translation>重做(&amp;D)</translation>
    </message>
    <message>
        <source>Changing photos: {done} of {total}</source>
        <translation>正在更改照片：{done} / {total}</translation>
    </message>
    <message numerus="yes">
        <source>{what} of %n photos</source>
        <translation>
            <numerusform>{what}（%n 张照片）</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Editing</name>
    <message>
        <source>Changed since, and left as it is: {names}</source>
        <translation>此后已被更改，保持原样：{names}</translation>
    </message>
    <message>
        <source>An edit of last time may be missing in some files: its note cannot be read. It is now {path}</source>
        <translation>上次的某个编辑可能没有写入部分文件：它的记录无法读取，现已移到 {path}</translation>
    </message>
    <message>
        <source>its folder is not there</source>
        <translation>其文件夹不存在</translation>
    </message>
    <message>
        <source>An edit is not yet in all files; the next start tries again. {path}: {reason}</source>
        <translation>有一项编辑尚未写入所有文件；下次启动时会重试。{path}：{reason}</translation>
    </message>
    <message>
        <source>Your text is not saved: {reason}</source>
        <translation>您的文字没有保存：{reason}</translation>
    </message>
</context>
<context>
    <name>EditorDock</name>
    <message>
        <source>Words</source>
        <translation>文字</translation>
    </message>
    <message>
        <source>&amp;Words</source>
        <translation>文字(&amp;W)</translation>
    </message>
    <message numerus="yes">
        <source>%n photo(s) selected</source>
        <translation>
            <numerusform>已选择 %n 张照片</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>&amp;Apply to %n photo(s)</source>
        <translation>
            <numerusform>应用到 %n 张照片(&amp;A)</numerusform>
        </translation>
    </message>
    <message>
        <source>They differ. What you type here replaces all of them</source>
        <translation>内容各不相同。在此输入将全部替换</translation>
    </message>
</context>
<context>
    <name>EditorForm</name>
    <message>
        <source>Language of the caption</source>
        <translation>描述的语言</translation>
    </message>
    <message>
        <source>No language given</source>
        <translation>未指定语言</translation>
    </message>
    <message>
        <source>Caption</source>
        <translation>描述</translation>
    </message>
    <message>
        <source>Alt text</source>
        <translation>替代文本</translation>
    </message>
    <message>
        <source>Ca&amp;ption</source>
        <translation>描述(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;Keywords</source>
        <translation>关键词(&amp;K)</translation>
    </message>
    <message>
        <source>Al&amp;t text</source>
        <translation>替代文本(&amp;T)</translation>
    </message>
</context>
<context>
    <name>Export</name>
    <message>
        <source>E&amp;xport captions…</source>
        <translation>导出描述(&amp;X)…</translation>
    </message>
    <message>
        <source>Hugging Face imagefolder (metadata.jsonl)</source>
        <translation>Hugging Face imagefolder (metadata.jsonl)</translation>
    </message>
    <message>
        <source>Table for spreadsheets and imagefolder (metadata.csv)</source>
        <translation>电子表格及 imagefolder 用的表格 (metadata.csv)</translation>
    </message>
    <message>
        <source>One line per photo (captions.txt)</source>
        <translation>每张照片一行 (captions.txt)</translation>
    </message>
    <message>
        <source>kohya sd-scripts (meta.json)</source>
        <translation>kohya sd-scripts (meta.json)</translation>
    </message>
    <message>
        <source>There are no captions to export yet.</source>
        <translation>还没有可以导出的描述。</translation>
    </message>
    <message>
        <source>Export captions</source>
        <translation>导出描述</translation>
    </message>
    <message numerus="yes">
        <source>%n caption(s) exported to {file}</source>
        <translation>
            <numerusform>已将 %n 条描述导出到 {file}</numerusform>
        </translation>
    </message>
    <message>
        <source>Hugging Face&apos;s imagefolder finds photos only in the folder of this file or below it, and some are not.</source>
        <translation>Hugging Face 的 imagefolder 只能找到此文件所在文件夹及其下级文件夹中的照片，而有些照片不在其中。</translation>
    </message>
</context>
<context>
    <name>FailureDock</name>
    <message>
        <source>Failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>Photos that failed</source>
        <translation>失败的照片</translation>
    </message>
    <message>
        <source>Photo</source>
        <translation>照片</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>原因</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>Columns</source>
        <translation>列</translation>
    </message>
    <message>
        <source>&amp;Try again</source>
        <translation>重试(&amp;T)</translation>
    </message>
    <message>
        <source>C&amp;opy list</source>
        <translation>复制列表(&amp;O)</translation>
    </message>
    <message>
        <source>C&amp;lear</source>
        <translation>清空(&amp;L)</translation>
    </message>
</context>
<context>
    <name>FilterBar</name>
    <message>
        <source>Filter</source>
        <translation>筛选</translation>
    </message>
    <message>
        <source>Filter: dog &quot;red car&quot; state:new name:IMG* taken:2019..2021</source>
        <translation>筛选：狗 &quot;红色 汽车&quot; state:new name:IMG* taken:2019..2021</translation>
    </message>
    <message>
        <source>Show only some photos (Ctrl+F). Enter looks again, Esc goes back to the photos.</source>
        <translation>只显示部分照片 (Ctrl+F)。按 Enter 重新查找，按 Esc 回到照片。</translation>
    </message>
    <message>
        <source>Clear</source>
        <translation>清除</translation>
    </message>
    <message>
        <source>Saved filters</source>
        <translation>已保存的筛选</translation>
    </message>
    <message>
        <source>What can be typed into the filter</source>
        <translation>筛选框可以输入什么</translation>
    </message>
    <message>
        <source>Order of the photos</source>
        <translation>照片的顺序</translation>
    </message>
    <message>
        <source>Show as a grid</source>
        <translation>以网格显示</translation>
    </message>
    <message>
        <source>Show as a list</source>
        <translation>以列表显示</translation>
    </message>
</context>
<context>
    <name>FilterHelp</name>
    <message>
        <source>Filter</source>
        <translation>筛选</translation>
    </message>
    <message>
        <source>words and phrases in captions, keywords, alt text and file names</source>
        <translation>描述、关键词、替代文本和文件名中的词和短语</translation>
    </message>
    <message>
        <source>words that begin so</source>
        <translation>以此开头的词</translation>
    </message>
    <message>
        <source>words in the caption only; alt: looks in the alt text</source>
        <translation>只在描述中查找；alt: 在替代文本中查找</translation>
    </message>
    <message>
        <source>a keyword, as a whole</source>
        <translation>一个完整的关键词</translation>
    </message>
    <message>
        <source>the file&apos;s name; path: looks at folders, too</source>
        <translation>文件名；path: 也查找文件夹</translation>
    </message>
    <message>
        <source>new, captioned, edited, approved, failed or skipped</source>
        <translation>new（新）、captioned（已描述）、edited（已编辑）、approved（已通过）、failed（失败）或 skipped（已跳过）</translation>
    </message>
    <message>
        <source>which model wrote the caption</source>
        <translation>由哪个模型写的描述</translation>
    </message>
    <message>
        <source>how long the caption is; also chars:&gt;=40 and chars:40..80</source>
        <translation>描述的长度；也可写 chars:&gt;=40 和 chars:40..80</translation>
    </message>
    <message>
        <source>when it was taken; also taken:2019-05 and taken:..2018-12-24</source>
        <translation>拍摄时间；也可写 taken:2019-05 和 taken:..2018-12-24</translation>
    </message>
    <message>
        <source>AND, OR, NOT in capitals, and parentheses</source>
        <translation>大写的 AND、OR、NOT，以及括号</translation>
    </message>
    <message>
        <source>Several parts narrow down together. The asterisk * stands for anything.</source>
        <translation>多个条件同时满足。星号 * 代表任意内容。</translation>
    </message>
    <message>
        <source>Put this into the filter</source>
        <translation>放入筛选框</translation>
    </message>
</context>
<context>
    <name>Filtering</name>
    <message>
        <source>&amp;Filter…</source>
        <translation>筛选(&amp;F)…</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>查找中…</translation>
    </message>
    <message>
        <source>{found} of {total}</source>
        <translation>{found} / {total}</translation>
    </message>
    <message>
        <source>No photo passes the filter</source>
        <translation>没有符合筛选条件的照片</translation>
    </message>
    <message>
        <source>No photos here</source>
        <translation>这里没有照片</translation>
    </message>
    <message>
        <source>&amp;Save this filter</source>
        <translation>保存此筛选(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Remove a saved filter</source>
        <translation>删除已保存的筛选(&amp;R)</translation>
    </message>
</context>
<context>
    <name>FirstSteps</name>
    <message>
        <source>Open the sa&amp;mple pictures</source>
        <translation>打开示例图片(&amp;M)</translation>
    </message>
    <message>
        <source>Sample pictures</source>
        <translation>示例图片</translation>
    </message>
    <message>
        <source>The sample pictures cannot be copied: {reason}</source>
        <translation>无法复制示例图片：{reason}</translation>
    </message>
</context>
<context>
    <name>Footer</name>
    <message>
        <source>Progress of the run</source>
        <translation>任务进度</translation>
    </message>
    <message>
        <source>Memory of the graphics card in use, by all programs</source>
        <translation>所有程序占用的显存</translation>
    </message>
    <message>
        <source>Size of the photos</source>
        <translation>照片大小</translation>
    </message>
    <message>
        <source>Failed: {count}</source>
        <translation>失败：{count}</translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} / {total}</translation>
    </message>
    <message>
        <source>{speed} images/s</source>
        <translation>{speed} 张/秒</translation>
    </message>
    <message>
        <source>{time} left</source>
        <translation>剩余 {time}</translation>
    </message>
    <message>
        <source>Paused at {done} of {total}</source>
        <translation>已暂停：{done} / {total}</translation>
    </message>
    <message>
        <source>Card: {used} of {total} GB</source>
        <translation>显存：{used} / {total} GB</translation>
    </message>
    <message>
        <source>{n} s</source>
        <translation>{n} 秒</translation>
    </message>
    <message>
        <source>{n} min</source>
        <translation>{n} 分钟</translation>
    </message>
    <message>
        <source>{h} h {n} min</source>
        <translation>{h} 小时 {n} 分钟</translation>
    </message>
</context>
<context>
    <name>History</name>
    <message>
        <source>&amp;History…</source>
        <translation>历史(&amp;H)…</translation>
    </message>
    <message>
        <source>Take the run back?</source>
        <translation>撤回这个任务？</translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) will be as they were before the run.</source>
        <translation>
            <numerusform>%n 个文件将恢复到任务之前的样子。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) were changed since, and stay as they are: {names}</source>
        <translation>
            <numerusform>%n 个文件此后已被更改，保持原样：{names}</numerusform>
        </translation>
    </message>
    <message>
        <source>&amp;Take back</source>
        <translation>撤回(&amp;T)</translation>
    </message>
    <message>
        <source>Looking at the files…</source>
        <translation>正在查看文件…</translation>
    </message>
    <message>
        <source>Taking back…</source>
        <translation>正在撤回…</translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) are as they were before the run.</source>
        <translation>
            <numerusform>%n 个文件已恢复到任务之前的样子。</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>HistoryDialog</name>
    <message>
        <source>History of runs</source>
        <translation>任务历史</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>任务</translation>
    </message>
    <message>
        <source>When</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>How it ended</source>
        <translation>结果</translation>
    </message>
    <message>
        <source>Captioned</source>
        <translation>已描述</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>Files changed</source>
        <translation>更改的文件</translation>
    </message>
    <message>
        <source>Taken back</source>
        <translation>已撤回</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Folders</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>Files that the run changed</source>
        <translation>任务更改的文件</translation>
    </message>
    <message>
        <source>File</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>What</source>
        <translation>内容</translation>
    </message>
    <message>
        <source>Now</source>
        <translation>现在</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>&amp;Take the run back…</source>
        <translation>撤回任务(&amp;T)…</translation>
    </message>
    <message>
        <source>Put every file back as it was before the run, if nobody has changed it since</source>
        <translation>把此后没有被更改的每个文件恢复到任务之前的样子</translation>
    </message>
    <message>
        <source>&amp;Stop</source>
        <translation>停止(&amp;S)</translation>
    </message>
    <message>
        <source>Progress of taking back</source>
        <translation>撤回进度</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>关闭(&amp;C)</translation>
    </message>
    <message>
        <source>No run has written anything yet.</source>
        <translation>还没有任务写入过内容。</translation>
    </message>
    <message>
        <source>as the run left it</source>
        <translation>与任务写入时相同</translation>
    </message>
    <message>
        <source>taken back</source>
        <translation>已撤回</translation>
    </message>
    <message>
        <source>not finished</source>
        <translation>未完成</translation>
    </message>
    <message>
        <source>.txt</source>
        <translation>.txt</translation>
    </message>
    <message>
        <source>.caption</source>
        <translation>.caption</translation>
    </message>
    <message>
        <source>XMP sidecar</source>
        <translation>XMP 附属文件</translation>
    </message>
    <message>
        <source>the photo&apos;s metadata</source>
        <translation>照片的元数据</translation>
    </message>
    <message>
        <source>metadata.jsonl</source>
        <translation>metadata.jsonl</translation>
    </message>
    <message numerus="yes">
        <source>… and %Ln more</source>
        <translation>
            <numerusform>……还有 %Ln 个</numerusform>
        </translation>
    </message>
    <message>
        <source>still running</source>
        <translation>仍在进行</translation>
    </message>
    <message>
        <source>interrupted</source>
        <translation>已中断</translation>
    </message>
    <message>
        <source>done</source>
        <translation>已完成</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>It can no longer be taken back: what was kept for that was given up on {day}</source>
        <translation>无法再撤回：为此保存的内容已于 {day} 清除</translation>
    </message>
</context>
<context>
    <name>KeptDrafts</name>
    <message numerus="yes">
        <source>What you typed about %n photo(s) and did not apply is back: see Words.</source>
        <translation>
            <numerusform>您上次为 %n 张照片输入而未应用的文字已恢复：见“文字”面板。</numerusform>
        </translation>
    </message>
    <message>
        <source>Text that was typed and not applied cannot be read. Its file is now {path}</source>
        <translation>输入而未应用的文字无法读取。其文件现为 {path}</translation>
    </message>
</context>
<context>
    <name>KeywordList</name>
    <message>
        <source>New keyword</source>
        <translation>新关键词</translation>
    </message>
    <message>
        <source>Add keywords</source>
        <translation>添加关键词</translation>
    </message>
    <message>
        <source>Enter adds them. A list can be pasted: commas, semicolons or lines</source>
        <translation>按 Enter 添加。可以粘贴列表：以逗号、分号或换行分隔</translation>
    </message>
    <message>
        <source>Known keywords</source>
        <translation>已有关键词</translation>
    </message>
    <message>
        <source>Keywords</source>
        <translation>关键词</translation>
    </message>
    <message>
        <source>Drag to order, Del removes, F2 changes, Alt+Up and Alt+Down move</source>
        <translation>拖动可排序，Del 删除，F2 修改，Alt+上、Alt+下 移动</translation>
    </message>
    <message>
        <source>Re&amp;move</source>
        <translation>移除(&amp;M)</translation>
    </message>
    <message>
        <source>Remove the chosen keywords</source>
        <translation>移除所选关键词</translation>
    </message>
    <message>
        <source>{keyword} ({count})</source>
        <translation>{keyword} ({count})</translation>
    </message>
</context>
<context>
    <name>Leaving</name>
    <message>
        <source>Close MQwen?</source>
        <translation>关闭 MQwen？</translation>
    </message>
    <message>
        <source>MQwen is still captioning.</source>
        <translation>MQwen 仍在生成描述。</translation>
    </message>
    <message>
        <source>{done} of {total} photos are done, and are kept. The next start offers to go on.</source>
        <translation>{total} 张照片已完成 {done} 张，结果会保留。下次启动时可以继续。</translation>
    </message>
    <message>
        <source>&amp;Stop and close</source>
        <translation>停止并关闭(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Go on captioning</source>
        <translation>继续生成(&amp;G)</translation>
    </message>
</context>
<context>
    <name>Lists</name>
    <message>
        <source>, </source>
        <comment>between the parts of a list</comment>
        <translation>、</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Choices</source>
        <translation>选项</translation>
    </message>
    <message>
        <source>Loading model…</source>
        <translation>正在加载模型…</translation>
    </message>
    <message>
        <source>Looking for photos…</source>
        <translation>正在查找照片…</translation>
    </message>
    <message>
        <source>Open a folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Photos ({kinds})</source>
        <translation>照片 ({kinds})</translation>
    </message>
    <message>
        <source>Open photos</source>
        <translation>打开照片</translation>
    </message>
    <message>
        <source>No photos here</source>
        <translation>这里没有照片</translation>
    </message>
    <message>
        <source>Type what to ask about each photo, then start again.</source>
        <translation>请输入针对每张照片要问的问题，然后再开始。</translation>
    </message>
    <message>
        <source>Stopping…</source>
        <translation>正在停止…</translation>
    </message>
    <message>
        <source>Stopped; what was done is kept</source>
        <translation>已停止，已完成的结果会保留</translation>
    </message>
    <message>
        <source>{count} captioned</source>
        <translation>{count} 张已生成描述</translation>
    </message>
    <message>
        <source>{count} had text already</source>
        <translation>{count} 张已有文字</translation>
    </message>
    <message>
        <source>{count} kept as you wrote them</source>
        <translation>{count} 张保留您写的文字</translation>
    </message>
    <message>
        <source>{count} failed</source>
        <translation>{count} 张失败</translation>
    </message>
    <message>
        <source>Finished: {parts}</source>
        <translation>已完成：{parts}</translation>
    </message>
    <message>
        <source>The starter model knows drawings, not photographs: it shows how MQwen works, and what it says about a real photo is wrong. For photographs, get a real model.</source>
        <translation>入门模型只认识图画，不认识照片：它用来展示 MQwen 如何工作，对真实照片的描述是错误的。要处理照片，请获取真正的模型。</translation>
    </message>
    <message>
        <source>Show the models</source>
        <translation>显示模型</translation>
    </message>
    <message>
        <source>Looking for photos: {total} so far</source>
        <translation>正在查找照片：已找到 {total} 张</translation>
    </message>
    <message>
        <source>{done} of {total} captioned</source>
        <translation>{total} 张中 {done} 张已有描述</translation>
    </message>
    <message>
        <source>{shown} shown</source>
        <translation>显示 {shown} 张</translation>
    </message>
</context>
<context>
    <name>Menus</name>
    <message>
        <source>&amp;File</source>
        <translation>文件(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>编辑(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>查看(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Run</source>
        <translation>运行(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>帮助(&amp;H)</translation>
    </message>
    <message>
        <source>&amp;Open folder…</source>
        <translation>打开文件夹(&amp;O)…</translation>
    </message>
    <message>
        <source>Open &amp;photos…</source>
        <translation>打开照片(&amp;P)…</translation>
    </message>
    <message>
        <source>Re&amp;load</source>
        <translation>重新载入(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>退出(&amp;Q)</translation>
    </message>
    <message>
        <source>&amp;Edit caption</source>
        <translation>编辑描述(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;Remove from the list</source>
        <translation>从列表中移除(&amp;R)</translation>
    </message>
    <message>
        <source>Select &amp;all</source>
        <translation>全选(&amp;A)</translation>
    </message>
    <message>
        <source>Sort by &amp;name</source>
        <translation>按名称排序(&amp;N)</translation>
    </message>
    <message>
        <source>N&amp;ewest first</source>
        <translation>最新的在前(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;Oldest first</source>
        <translation>最早的在前(&amp;O)</translation>
    </message>
    <message>
        <source>Failed and &amp;uncaptioned first</source>
        <translation>失败和未描述的在前(&amp;U)</translation>
    </message>
    <message>
        <source>S&amp;hortest caption first</source>
        <translation>描述最短的在前(&amp;H)</translation>
    </message>
    <message>
        <source>&amp;Larger photos</source>
        <translation>放大照片(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;Smaller photos</source>
        <translation>缩小照片(&amp;S)</translation>
    </message>
    <message>
        <source>F&amp;ailed photos</source>
        <translation>失败的照片(&amp;A)</translation>
    </message>
    <message>
        <source>&amp;Start</source>
        <translation>开始(&amp;S)</translation>
    </message>
    <message>
        <source>Start with the s&amp;elected photos</source>
        <translation>只处理所选照片(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>取消(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;About MQwen</source>
        <translation>关于 MQwen(&amp;A)</translation>
    </message>
    <message>
        <source>Captions folders of photos on your own machine. Nothing leaves it.</source>
        <translation>在您自己的电脑上为整个文件夹的照片生成描述，任何内容都不会离开本机。</translation>
    </message>
    <message>
        <source>About MQwen</source>
        <translation>关于 MQwen</translation>
    </message>
</context>
<context>
    <name>ModelWords</name>
    <message>
        <source>Comes with MQwen. It knows drawings only: for a first try, not for photographs.</source>
        <translation>随 MQwen 附带。只认识图画：用于初次体验，不适用于照片。</translation>
    </message>
    <message>
        <source>For photographs; captions and answers in Chinese and English.</source>
        <translation>适用于照片；用中文和英文描述和回答。</translation>
    </message>
    <message>
        <source>For photographs; the newest language model of this list.</source>
        <translation>适用于照片；使用此列表中最新的语言模型。</translation>
    </message>
    <message>
        <source>For photographs; its vision tower was trained on Chinese texts.</source>
        <translation>适用于照片；其视觉塔用中文文本训练。</translation>
    </message>
    <message>
        <source>For photographs; large batches, because its cache is small.</source>
        <translation>适用于照片；缓存小，因此可以大批量处理。</translation>
    </message>
    <message>
        <source>For photographs on a small machine. Its licence allows research only.</source>
        <translation>适用于配置较低的电脑处理照片。许可协议仅允许研究用途。</translation>
    </message>
    <message>
        <source>The original recipe: two public parts, and the adapter folder that your own training left.</source>
        <translation>原始配方：两个公开部分，加上您自己训练得到的适配器文件夹。</translation>
    </message>
    <message>
        <source>A model in your folder of models.</source>
        <translation>您的模型文件夹中的模型。</translation>
    </message>
    <message>
        <source>Runs on every machine</source>
        <translation>任何电脑都能运行</translation>
    </message>
    <message>
        <source>Not known before it is loaded</source>
        <translation>加载后才能知道</translation>
    </message>
    <message>
        <source>Fits your graphics card</source>
        <translation>您的显卡可以容纳</translation>
    </message>
    <message>
        <source>Fits your graphics card with weights in 8 bits</source>
        <translation>以 8 位权重可放入您的显卡</translation>
    </message>
    <message>
        <source>Fits your graphics card with weights in 4 bits</source>
        <translation>以 4 位权重可放入您的显卡</translation>
    </message>
    <message>
        <source>Larger than your graphics card: runs, but slowly</source>
        <translation>超出您的显卡：可以运行，但较慢</translation>
    </message>
    <message>
        <source>Too large: needs a card with {gigabytes}</source>
        <translation>太大：需要 {gigabytes} 的显卡</translation>
    </message>
    <message>
        <source>Fits; slow, without a graphics card</source>
        <translation>可以容纳；没有显卡，较慢</translation>
    </message>
    <message>
        <source>Fits with weights in 8 bits; slow, without a graphics card</source>
        <translation>以 8 位权重可以容纳；没有显卡，较慢</translation>
    </message>
    <message>
        <source>Too large: needs {needed} of memory</source>
        <translation>太大：需要 {needed} 内存</translation>
    </message>
    <message>
        <source>This machine: a graphics card with {card}, and {memory} of main memory.</source>
        <translation>本机：显卡 {card}，内存 {memory}。</translation>
    </message>
    <message>
        <source>This machine: {memory} of main memory, no graphics card that can be used.</source>
        <translation>本机：内存 {memory}，没有可用的显卡。</translation>
    </message>
    <message>
        <source>here</source>
        <translation>已安装</translation>
    </message>
    <message>
        <source>{size} have come</source>
        <translation>已下载 {size}</translation>
    </message>
    <message>
        <source>English</source>
        <translation>英语</translation>
    </message>
    <message>
        <source>Chinese</source>
        <translation>中文</translation>
    </message>
    <message>
        <source>Made of</source>
        <translation>组成</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>许可协议</translation>
    </message>
    <message>
        <source>asked before the download</source>
        <translation>下载前会询问</translation>
    </message>
    <message>
        <source>Languages</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>not known</source>
        <translation>未知</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>{full} in 16 bits, {eight} in 8, {four} in 4</source>
        <translation>16 位 {full}，8 位 {eight}，4 位 {four}</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>权重数</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>Waiting: {reason}</source>
        <translation>等待：{reason}</translation>
    </message>
    <message>
        <source>Checking {file}</source>
        <translation>正在校验 {file}</translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} / {total}</translation>
    </message>
    <message>
        <source>{size}/s</source>
        <translation>{size}/秒</translation>
    </message>
    <message>
        <source>{name}: {size}, licence: {licence}</source>
        <translation>{name}：{size}，许可协议：{licence}</translation>
    </message>
    <message>
        <source>its page names none</source>
        <translation>其页面未注明</translation>
    </message>
    <message>
        <source>less than a minute left</source>
        <translation>剩余不到一分钟</translation>
    </message>
    <message numerus="yes">
        <source>%n minute(s) left</source>
        <translation>
            <numerusform>剩余 %n 分钟</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) left</source>
        <translation>
            <numerusform>剩余 %n 小时</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ModelsDialog</name>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Looking at this machine…</source>
        <translation>正在查看本机…</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>On this machine</source>
        <translation>在本机上</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>&amp;Use</source>
        <translation>使用(&amp;U)</translation>
    </message>
    <message>
        <source>Caption with this model</source>
        <translation>用这个模型生成描述</translation>
    </message>
    <message>
        <source>&amp;Download</source>
        <translation>下载(&amp;D)</translation>
    </message>
    <message>
        <source>&amp;Test</source>
        <translation>测试(&amp;T)</translation>
    </message>
    <message>
        <source>Load it and caption one of the sample pictures</source>
        <translation>加载它并为一张示例图片生成描述</translation>
    </message>
    <message>
        <source>&amp;Verify</source>
        <translation>校验(&amp;V)</translation>
    </message>
    <message>
        <source>Read all of it: is it whole and unchanged?</source>
        <translation>读取全部内容：是否完整且未被改动？</translation>
    </message>
    <message>
        <source>&amp;Remove…</source>
        <translation>删除(&amp;R)…</translation>
    </message>
    <message>
        <source>OWNER/NAME of another model on the hub</source>
        <translation>Hub 上其他模型的 所有者/名称</translation>
    </message>
    <message>
        <source>Another model on the hub</source>
        <translation>Hub 上的其他模型</translation>
    </message>
    <message>
        <source>D&amp;ownload this</source>
        <translation>下载此模型(&amp;O)</translation>
    </message>
    <message>
        <source>Add a &amp;folder…</source>
        <translation>添加文件夹(&amp;F)…</translation>
    </message>
    <message>
        <source>A model folder that is on this machine already</source>
        <translation>已在本机上的模型文件夹</translation>
    </message>
    <message>
        <source>&amp;Join three parts…</source>
        <translation>合并三个部分(&amp;J)…</translation>
    </message>
    <message>
        <source>A language model, a vision tower and the adapter of your own training</source>
        <translation>语言模型、视觉塔和您自己训练的适配器</translation>
    </message>
    <message>
        <source>Free the &amp;memory</source>
        <translation>释放内存(&amp;M)</translation>
    </message>
    <message>
        <source>Unload the model; the next run loads it again</source>
        <translation>卸载模型；下次任务会重新加载</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>进度</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>取消(&amp;C)</translation>
    </message>
    <message>
        <source>C&amp;lose</source>
        <translation>关闭(&amp;L)</translation>
    </message>
    <message>
        <source>{name} (recommended)</source>
        <translation>{name}（推荐）</translation>
    </message>
    <message>
        <source>&amp;Go on downloading</source>
        <translation>继续下载(&amp;G)</translation>
    </message>
</context>
<context>
    <name>ModelsPart</name>
    <message>
        <source>&amp;Models…</source>
        <translation>模型(&amp;M)…</translation>
    </message>
    <message>
        <source>Asking the hub about {name}…</source>
        <translation>正在向 Hub 查询 {name}…</translation>
    </message>
    <message>
        <source>Downloading {name}…</source>
        <translation>正在下载 {name}…</translation>
    </message>
    <message>
        <source>{name} is here, and every file is verified.</source>
        <translation>{name} 已下载，每个文件都已校验。</translation>
    </message>
    <message>
        <source>Stopped. What has come is kept: the download goes on from there.</source>
        <translation>已停止。已下载的部分会保留，下次从断点继续。</translation>
    </message>
    <message>
        <source>{name} is whole: every file is as it was downloaded.</source>
        <translation>{name} 完整：每个文件都与下载时相同。</translation>
    </message>
    <message>
        <source>{name} is whole: every tensor is there and readable.</source>
        <translation>{name} 完整：每个张量都在且可读。</translation>
    </message>
    <message>
        <source>Verifying {name}…</source>
        <translation>正在校验 {name}…</translation>
    </message>
    <message>
        <source>Delete {name} from this machine?</source>
        <translation>从本机删除 {name}？</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>&amp;Delete</source>
        <translation>删除(&amp;D)</translation>
    </message>
    <message>
        <source>{size} are free again.</source>
        <translation>已释放 {size}。</translation>
    </message>
    <message>
        <source>Deleting {name}…</source>
        <translation>正在删除 {name}…</translation>
    </message>
    <message>
        <source>Choose a model folder</source>
        <translation>选择模型文件夹</translation>
    </message>
    <message>
        <source>{folder} is a model, and is chosen for the next runs.</source>
        <translation>{folder} 是可用的模型，已选用于之后的任务。</translation>
    </message>
    <message>
        <source>Looking at {folder}…</source>
        <translation>正在查看 {folder}…</translation>
    </message>
    <message>
        <source>{name} is made.</source>
        <translation>{name} 已生成。</translation>
    </message>
    <message>
        <source>Joining the parts…</source>
        <translation>正在合并各部分…</translation>
    </message>
    <message>
        <source>Loading {name} and captioning a sample picture…</source>
        <translation>正在加载 {name} 并为示例图片生成描述…</translation>
    </message>
    <message>
        <source>It says: {caption}</source>
        <translation>它说：{caption}</translation>
    </message>
    <message>
        <source>{name} does not work here: {reason}</source>
        <translation>{name} 无法在本机运行：{reason}</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>{name} works. {words}</source>
        <translation>{name} 可以使用。{words}</translation>
    </message>
    <message>
        <source>The model&apos;s memory is free; the next run loads it again.</source>
        <translation>模型占用的内存已释放；下次任务会重新加载。</translation>
    </message>
</context>
<context>
    <name>Notice</name>
    <message>
        <source>Got it</source>
        <translation>知道了</translation>
    </message>
</context>
<context>
    <name>Numbers</name>
    <message numerus="yes">
        <source>%n photo(s) would change</source>
        <translation>
            <numerusform>将改变 %n 张照片</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>C&amp;hange %n photo(s)</source>
        <translation>
            <numerusform>更改 %n 张照片(&amp;H)</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Opening</name>
    <message>
        <source>Open &amp;recent</source>
        <translation>最近打开(&amp;R)</translation>
    </message>
    <message>
        <source>Include &amp;subfolders</source>
        <translation>包含子文件夹(&amp;S)</translation>
    </message>
    <message>
        <source>Show the photos of folders inside the folder, too</source>
        <translation>同时显示子文件夹中的照片</translation>
    </message>
    <message>
        <source>&amp;Clear this list</source>
        <translation>清空此列表(&amp;C)</translation>
    </message>
    <message>
        <source>{folder} is no longer there. If it is on a drive, plug that in and open the folder again.</source>
        <translation>{folder} 已不在那里。如果它在外接硬盘上，请接上后再打开。</translation>
    </message>
</context>
<context>
    <name>PartsDialog</name>
    <message>
        <source>Join three parts</source>
        <translation>合并三个部分</translation>
    </message>
    <message>
        <source>&amp;Language model (Qwen)</source>
        <translation>语言模型 (Qwen)(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;Vision tower (CLIP)</source>
        <translation>视觉塔 (CLIP)(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Adapter (LoRA and projector)</source>
        <translation>适配器（LoRA 和投影层）(&amp;A)</translation>
    </message>
    <message>
        <source>&amp;Name of the new model</source>
        <translation>新模型的名称(&amp;N)</translation>
    </message>
    <message>
        <source>The adapter folder is what the training left: adapter_config.json, adapter_model.bin and other_params.bin. The parts stay as they are; the new model is a folder of its own.</source>
        <translation>适配器文件夹是训练留下的：adapter_config.json、adapter_model.bin 和 other_params.bin。各部分保持原样，新模型是一个单独的文件夹。</translation>
    </message>
    <message>
        <source>Browse…</source>
        <translation>浏览…</translation>
    </message>
    <message>
        <source>Browse: {field}</source>
        <translation>浏览：{field}</translation>
    </message>
</context>
<context>
    <name>PhotoDelegate</name>
    <message>
        <source>Caption of {name}</source>
        <translation>{name} 的描述</translation>
    </message>
    <message>
        <source>Enter saves, Tab saves and goes to the next photo, Esc leaves it as it was</source>
        <translation>Enter 保存，Tab 保存并转到下一张照片，Esc 保持原样</translation>
    </message>
</context>
<context>
    <name>PhotoGrid</name>
    <message>
        <source>Photos</source>
        <translation>照片</translation>
    </message>
</context>
<context>
    <name>PhotoModel</name>
    <message>
        <source>no caption yet</source>
        <translation>尚无描述</translation>
    </message>
    <message>
        <source>captioned</source>
        <translation>已描述</translation>
    </message>
    <message>
        <source>edited</source>
        <translation>已编辑</translation>
    </message>
    <message>
        <source>approved</source>
        <translation>已通过</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>skipped</source>
        <translation>已跳过</translation>
    </message>
    <message>
        <source>being captioned</source>
        <translation>正在生成描述</translation>
    </message>
</context>
<context>
    <name>PicturePane</name>
    <message>
        <source>This picture cannot be shown</source>
        <translation>无法显示这张图片</translation>
    </message>
</context>
<context>
    <name>Preview</name>
    <message>
        <source>Picture</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Back to the photos (Esc)</source>
        <translation>返回照片 (Esc)</translation>
    </message>
    <message>
        <source>Previous photo (Left)</source>
        <translation>上一张照片 (左)</translation>
    </message>
    <message>
        <source>Next photo (Right)</source>
        <translation>下一张照片 (右)</translation>
    </message>
    <message>
        <source>Zoom</source>
        <translation>缩放</translation>
    </message>
    <message>
        <source>Whole picture or its pixels (0, 1, +, -)</source>
        <translation>整张图片或实际像素 (0, 1, +, -)</translation>
    </message>
    <message>
        <source>Caption</source>
        <translation>描述</translation>
    </message>
    <message>
        <source>No caption yet</source>
        <translation>尚无描述</translation>
    </message>
    <message>
        <source>&amp;Preview</source>
        <translation>预览(&amp;P)</translation>
    </message>
    <message>
        <source>Opening…</source>
        <translation>正在打开…</translation>
    </message>
    <message>
        <source>This picture cannot be shown</source>
        <translation>无法显示这张图片</translation>
    </message>
    <message>
        <source>{zoom} %</source>
        <translation>{zoom}%</translation>
    </message>
    <message>
        <source>{number} of {total}</source>
        <translation>{number} / {total}</translation>
    </message>
</context>
<context>
    <name>QFileDialog</name>
    <message>
        <source>&amp;Look in:</source>
        <translation>查找范围(&amp;L)：</translation>
    </message>
    <message>
        <source>Files of &amp;type:</source>
        <translation>文件类型(&amp;T)：</translation>
    </message>
</context>
<context>
    <name>Reasons</name>
    <message>
        <source>the file ends before its picture does</source>
        <translation>文件在图片结束之前就断了</translation>
    </message>
    <message>
        <source>the picture is damaged ({reason})</source>
        <translation>图片已损坏（{reason}）</translation>
    </message>
    <message>
        <source>reading it failed ({reason})</source>
        <translation>读取失败（{reason}）</translation>
    </message>
    <message>
        <source>the file cannot be opened ({reason})</source>
        <translation>无法打开文件（{reason}）</translation>
    </message>
    <message>
        <source>the file is empty (0 bytes)</source>
        <translation>文件是空的（0 字节）</translation>
    </message>
    <message>
        <source>the file is not there (any more)</source>
        <translation>文件不在（或已不在）那里</translation>
    </message>
    <message>
        <source>the link leads to no file</source>
        <translation>链接没有指向文件</translation>
    </message>
    <message>
        <source>the link leads back to itself</source>
        <translation>链接指向了自身</translation>
    </message>
    <message>
        <source>permission denied</source>
        <translation>没有权限</translation>
    </message>
    <message>
        <source>its content is zeros</source>
        <translation>文件内容全是零</translation>
    </message>
    <message>
        <source>it is a video</source>
        <translation>这是视频</translation>
    </message>
    <message>
        <source>it is {kind}</source>
        <translation>这是 {kind}</translation>
    </message>
    <message>
        <source>a JPEG XL picture, which MQwen cannot decode</source>
        <translation>MQwen 无法解码的 JPEG XL 图片</translation>
    </message>
    <message>
        <source>a camera&apos;s raw file, which MQwen cannot decode</source>
        <translation>MQwen 无法解码的相机原始文件</translation>
    </message>
    <message>
        <source>a PDF document</source>
        <translation>PDF 文档</translation>
    </message>
    <message>
        <source>a PostScript document</source>
        <translation>PostScript 文档</translation>
    </message>
    <message>
        <source>a ZIP archive</source>
        <translation>ZIP 压缩包</translation>
    </message>
    <message>
        <source>a gzip archive</source>
        <translation>gzip 压缩包</translation>
    </message>
    <message>
        <source>an SVG drawing</source>
        <translation>SVG 图形</translation>
    </message>
    <message>
        <source>an XML file</source>
        <translation>XML 文件</translation>
    </message>
    <message>
        <source>a web page</source>
        <translation>网页</translation>
    </message>
    <message>
        <source>it is a folder, not a picture</source>
        <translation>这是文件夹，不是图片</translation>
    </message>
    <message>
        <source>it is a pipe or a device, not a file</source>
        <translation>这是管道或设备，不是文件</translation>
    </message>
    <message>
        <source>it is not a picture that MQwen can read</source>
        <translation>这不是 MQwen 能读取的图片</translation>
    </message>
    <message>
        <source>it is a HEIC photo, and the decoder for them is not installed</source>
        <translation>这是 HEIC 照片，但没有安装解码器</translation>
    </message>
    <message>
        <source>it is an AVIF photo, and this Pillow was built without the decoder for them</source>
        <translation>这是 AVIF 照片，而这个 Pillow 不含相应的解码器</translation>
    </message>
    <message>
        <source>there is not enough memory to decode it</source>
        <translation>内存不足，无法解码</translation>
    </message>
    <message>
        <source>it is not a regular file</source>
        <translation>这不是普通文件</translation>
    </message>
    <message>
        <source>it is read-only</source>
        <translation>文件是只读的</translation>
    </message>
    <message>
        <source>its text is not UTF-8, and was left as it is</source>
        <translation>其中的文字不是 UTF-8，已保持原样</translation>
    </message>
    <message>
        <source>an empty caption is not written</source>
        <translation>不写入空的描述</translation>
    </message>
    <message>
        <source>Copy or download it again.</source>
        <translation>请重新复制或下载。</translation>
    </message>
    <message>
        <source>Convert it to JPEG or PNG, or take it out of the folder.</source>
        <translation>请转换为 JPEG 或 PNG，或移出文件夹。</translation>
    </message>
    <message>
        <source>Check the name and the disk.</source>
        <translation>请检查名称和磁盘。</translation>
    </message>
    <message>
        <source>Check the name.</source>
        <translation>请检查名称。</translation>
    </message>
    <message>
        <source>Check the disk.</source>
        <translation>请检查磁盘。</translation>
    </message>
    <message>
        <source>Check its permissions.</source>
        <translation>请检查其权限。</translation>
    </message>
    <message>
        <source>Repair or remove the link.</source>
        <translation>请修复或删除链接。</translation>
    </message>
    <message>
        <source>Make the file readable for you.</source>
        <translation>请让您自己能读取该文件。</translation>
    </message>
    <message>
        <source>Make it writable if it may be replaced.</source>
        <translation>如果可以替换，请设为可写。</translation>
    </message>
    <message>
        <source>Save a smaller copy, or close other programs.</source>
        <translation>请另存较小的副本，或关闭其他程序。</translation>
    </message>
    <message>
        <source>Save a smaller copy.</source>
        <translation>请另存较小的副本。</translation>
    </message>
    <message>
        <source>Save it as UTF-8, or let it be overwritten.</source>
        <translation>请存为 UTF-8，或允许覆盖。</translation>
    </message>
    <message>
        <source>Free some space and start again: what was written before is kept.</source>
        <translation>请腾出空间后重新开始：之前写入的内容会保留。</translation>
    </message>
    <message>
        <source>Move it away.</source>
        <translation>请将其移走。</translation>
    </message>
    <message>
        <source>{what}. {hint}</source>
        <translation>{what}。{hint}</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>stopped while the model was being loaded</source>
        <translation>加载模型时已停止</translation>
    </message>
    <message>
        <source>this model has been unloaded</source>
        <translation>这个模型已被卸载</translation>
    </message>
    <message>
        <source>there is no question</source>
        <translation>没有问题</translation>
    </message>
    <message>
        <source>not enough memory for this model on {device}</source>
        <translation>{device} 上的内存不足以运行这个模型</translation>
    </message>
    <message>
        <source>not enough memory for this picture</source>
        <translation>内存不足以处理这张图片</translation>
    </message>
    <message>
        <source>device {name} is not known</source>
        <translation>未知的设备 {name}</translation>
    </message>
    <message>
        <source>device {name} is not there</source>
        <translation>没有设备 {name}</translation>
    </message>
    <message>
        <source>even layer by layer the model needs {needed}, and {free} are free on {device} for it</source>
        <translation>即使逐层运行，这个模型也需要 {needed}，而 {device} 上可用 {free}</translation>
    </message>
    <message>
        <source>int8 needs a card of compute capability 7.5 or more</source>
        <translation>int8 需要计算能力 7.5 或更高的显卡</translation>
    </message>
    <message>
        <source>nf4 runs on CUDA cards only</source>
        <translation>nf4 只能在 CUDA 显卡上运行</translation>
    </message>
    <message>
        <source>precision {name} is not known</source>
        <translation>未知的精度 {name}</translation>
    </message>
    <message>
        <source>the model needs {needed} in {precision} and {free} of main memory are free</source>
        <translation>这个模型以 {precision} 运行需要 {needed}，而主内存可用 {free}</translation>
    </message>
    <message>
        <source>the model needs {needed} in {precision} and {free} of main memory are free; {note}</source>
        <translation>这个模型以 {precision} 运行需要 {needed}，而主内存可用 {free}；{note}</translation>
    </message>
    <message>
        <source>bfloat16, in which it would fit, does not work on this processor</source>
        <translation>能放得下的 bfloat16 在这个处理器上无法使用</translation>
    </message>
    <message>
        <source>float32 needs {needed}, {free} are free</source>
        <translation>float32 需要 {needed}，可用 {free}</translation>
    </message>
    <message>
        <source>the model needs {needed} and {free} are free on {device}</source>
        <translation>这个模型需要 {needed}，而 {device} 上可用 {free}</translation>
    </message>
    <message>
        <source>the prompt&apos;s ids are not those of a vocabulary of {size}</source>
        <translation>提示词的编号不属于大小为 {size} 的词表</translation>
    </message>
    <message>
        <source>max_new_tokens must be at least 1</source>
        <translation>max_new_tokens 必须至少为 1</translation>
    </message>
    <message>
        <source>temperature must be 0 or more, top_p above 0 and at most 1, repetition_penalty above 0</source>
        <translation>temperature 不能小于 0，top_p 应大于 0 且不超过 1，repetition_penalty 应大于 0</translation>
    </message>
    <message>
        <source>top_k must be 1 to {most}, min_p 0 or more and below 1, no_repeat_ngram_size 0 or more</source>
        <translation>top_k 应为 1 到 {most}，min_p 应不小于 0 且小于 1，no_repeat_ngram_size 不能小于 0</translation>
    </message>
    <message>
        <source>cannot write {target}</source>
        <translation>无法写入 {target}</translation>
    </message>
    <message>
        <source>the seed cannot be {value}</source>
        <translation>随机种子不能是 {value}</translation>
    </message>
    <message>
        <source>the temperature cannot be {value}</source>
        <translation>温度不能是 {value}</translation>
    </message>
    <message>
        <source>{setting} {value} is not known</source>
        <translation>未知的{setting} {value}</translation>
    </message>
    <message>
        <source>the folder of the starter model and the sample pictures is missing</source>
        <translation>缺少入门模型和示例图片的文件夹</translation>
    </message>
    <message>
        <source>Close other programs, or take a smaller model.</source>
        <translation>请关闭其他程序，或换用较小的模型。</translation>
    </message>
    <message>
        <source>There is only cuda:0.</source>
        <translation>只有 cuda:0。</translation>
    </message>
    <message>
        <source>There are {first} to {last}.</source>
        <translation>有 {first} 到 {last}。</translation>
    </message>
    <message>
        <source>Install mqwen again.</source>
        <translation>请重新安装 mqwen。</translation>
    </message>
    <message>
        <source>Load it again.</source>
        <translation>请重新加载。</translation>
    </message>
    <message>
        <source>Take a finite number from 0.</source>
        <translation>请给出不小于 0 的有限数。</translation>
    </message>
    <message>
        <source>Take a whole number from 0 to {most}.</source>
        <translation>请给出 0 到 {most} 之间的整数。</translation>
    </message>
    <message>
        <source>Take any of {names}.</source>
        <translation>请从 {names} 中选择。</translation>
    </message>
    <message>
        <source>Take one of {names}.</source>
        <translation>请从 {names} 中选择一项。</translation>
    </message>
    <message>
        <source>there is no connection to the hub</source>
        <translation>无法连接到 Hub</translation>
    </message>
    <message>
        <source>the hub does not answer</source>
        <translation>Hub 没有响应</translation>
    </message>
    <message>
        <source>the connection broke</source>
        <translation>连接中断</translation>
    </message>
    <message>
        <source>the proxy does not let the download through ({error})</source>
        <translation>代理不允许下载（{error}）</translation>
    </message>
    <message>
        <source>the hub has a fault (HTTP {status})</source>
        <translation>Hub 出现故障（HTTP {status}）</translation>
    </message>
    <message>
        <source>the hub waited too long</source>
        <translation>Hub 等待超时</translation>
    </message>
    <message>
        <source>the hub is asked too often (HTTP 429)</source>
        <translation>对 Hub 的请求过于频繁（HTTP 429）</translation>
    </message>
    <message>
        <source>{trouble}; again in {pause} s</source>
        <translation>{trouble}；{pause} 秒后重试</translation>
    </message>
    <message>
        <source>{trouble}; again in {minutes} minutes</source>
        <translation>{trouble}；请在 {minutes} 分钟后再试</translation>
    </message>
    <message>
        <source>the hub does not have it (HTTP 404)</source>
        <translation>Hub 中没有它（HTTP 404）</translation>
    </message>
    <message>
        <source>the hub does not have this revision</source>
        <translation>Hub 中没有这个版本</translation>
    </message>
    <message>
        <source>the hub refuses it (HTTP {status})</source>
        <translation>Hub 拒绝了请求（HTTP {status}）</translation>
    </message>
    <message>
        <source>the hub&apos;s address is wrong ({error})</source>
        <translation>Hub 的地址不正确（{error}）</translation>
    </message>
    <message>
        <source>the owner gives access on request only</source>
        <translation>所有者仅在申请后开放访问</translation>
    </message>
    <message>
        <source>there is no such model on the hub, or it is not open to you</source>
        <translation>Hub 中没有这个模型，或者您无权访问</translation>
    </message>
    <message>
        <source>another process downloads this model just now</source>
        <translation>另一个进程正在下载这个模型</translation>
    </message>
    <message>
        <source>the other process has just come to its end</source>
        <translation>另一个进程刚刚结束</translation>
    </message>
    <message>
        <source>twice it did not arrive as the hub lists it</source>
        <translation>两次收到的文件都与 Hub 列出的不一致</translation>
    </message>
    <message>
        <source>it does not arrive as the hub lists it</source>
        <translation>收到的文件与 Hub 列出的不一致</translation>
    </message>
    <message>
        <source>the download needs {room} GB of room, a little to spare in it, and {free} GB are free</source>
        <translation>下载需要 {room} GB 空间（已含少量余量），目前可用 {free} GB</translation>
    </message>
    <message>
        <source>the download was stopped</source>
        <translation>下载已停止</translation>
    </message>
    <message>
        <source>stopped while a file was checked</source>
        <translation>检查文件时已停止</translation>
    </message>
    <message>
        <source>stopped while a model was checked</source>
        <translation>检查模型时已停止</translation>
    </message>
    <message>
        <source>the disk is full</source>
        <translation>磁盘已满</translation>
    </message>
    <message>
        <source>it cannot be read back ({error})</source>
        <translation>写入后无法读回（{error}）</translation>
    </message>
    <message>
        <source>it cannot be removed ({error})</source>
        <translation>无法删除（{error}）</translation>
    </message>
    <message>
        <source>it is damaged ({error})</source>
        <translation>文件已损坏（{error}）</translation>
    </message>
    <message>
        <source>it does not say where the models are ({error})</source>
        <translation>其中没有说明模型存放的位置（{error}）</translation>
    </message>
    <message>
        <source>it lacks {name}, which {index} names</source>
        <translation>缺少 {index} 中列出的 {name}</translation>
    </message>
    <message>
        <source>no config.json in this model folder</source>
        <translation>这个模型文件夹中没有 config.json</translation>
    </message>
    <message>
        <source>the licence of {model} is not a permissive one ({licence})</source>
        <translation>{model} 的许可证（{licence}）不是宽松许可证</translation>
    </message>
    <message>
        <source>its page names none</source>
        <translation>页面未注明</translation>
    </message>
    <message>
        <source>the weights of {model} are pickles, there are no safetensors</source>
        <translation>{model} 的权重是 pickle 格式，没有 safetensors</translation>
    </message>
    <message>
        <source>the model {name} is known, but not on this machine</source>
        <translation>模型 {name} 是已知的，但不在这台电脑上</translation>
    </message>
    <message>
        <source>the starter model comes with MQwen and stays</source>
        <translation>入门模型随 MQwen 提供，不能删除</translation>
    </message>
    <message>
        <source>there is no model {name} in {folder}</source>
        <translation>{folder} 中没有模型 {name}</translation>
    </message>
    <message>
        <source>there is no model {name}</source>
        <translation>没有模型 {name}</translation>
    </message>
    <message>
        <source>there is no such folder</source>
        <translation>没有这个文件夹</translation>
    </message>
    <message>
        <source>{name} is no model on the hub</source>
        <translation>{name} 不是 Hub 中的模型</translation>
    </message>
    <message>
        <source>Ask for access on the model&apos;s page, then {login} and try again.</source>
        <translation>请在模型页面申请访问，然后{login}，再重试。</translation>
    </message>
    <message>
        <source>Check its name on the hub.</source>
        <translation>请检查它在 Hub 中的名称。</translation>
    </message>
    <message>
        <source>Check its name; if it is private or gated, {login}.</source>
        <translation>请检查名称；如果它是私有的或需要申请，请{login}。</translation>
    </message>
    <message>
        <source>Download it again.</source>
        <translation>请重新下载。</translation>
    </message>
    <message>
        <source>It holds adapter_config.json, adapter_model.bin and other_params.bin, as the training left them.</source>
        <translation>其中应有训练得到的 adapter_config.json、adapter_model.bin 和 other_params.bin。</translation>
    </message>
    <message>
        <source>MQwen needs a model in transformers&apos; form.</source>
        <translation>MQwen 需要 transformers 格式的模型。</translation>
    </message>
    <message>
        <source>MQwen reads model.safetensors and pytorch_model.bin, whole or in shards, not quantised.</source>
        <translation>MQwen 能读取未量化的 model.safetensors 和 pytorch_model.bin，整个或分片均可。</translation>
    </message>
    <message>
        <source>Nothing is gained by removing it.</source>
        <translation>删除它没有任何好处。</translation>
    </message>
    <message>
        <source>The folder is yours: delete it yourself.</source>
        <translation>这个文件夹是您自己的：请自行删除。</translation>
    </message>
    <message>
        <source>The upload is not complete: tell its owner.</source>
        <translation>上传不完整：请告知所有者。</translation>
    </message>
    <message>
        <source>Try again later.</source>
        <translation>请稍后重试。</translation>
    </message>
    <message>
        <source>Try again later. If it stays so, the file on the server, or something on the way, is damaged.</source>
        <translation>请稍后重试。如果仍然如此，说明服务器上的文件或传输途中有损坏。</translation>
    </message>
    <message>
        <source>Wait for it, or stop it.</source>
        <translation>请等它结束，或停止它。</translation>
    </message>
    <message>
        <source>it has no config.json (its weights are {kinds} files)</source>
        <translation>其中没有 config.json（它的权重是 {kinds} 文件）</translation>
    </message>
    <message>
        <source>it has no weights that MQwen can read (its weights are {kinds} files)</source>
        <translation>其中没有 MQwen 能读取的权重（它的权重是 {kinds} 文件）</translation>
    </message>
    <message>
        <source>Remove that folder and put the model there again.</source>
        <translation>请删除那个文件夹，再把模型放到那里。</translation>
    </message>
    <message>
        <source>it has no config.json</source>
        <translation>其中没有 config.json</translation>
    </message>
    <message>
        <source>it has no weights that MQwen can read</source>
        <translation>其中没有 MQwen 能读取的权重</translation>
    </message>
    <message>
        <source>it is missing</source>
        <translation>文件缺失</translation>
    </message>
    <message>
        <source>it has {size} bytes instead of {expected}</source>
        <translation>它有 {size} 字节，应为 {expected} 字节</translation>
    </message>
    <message>
        <source>its content is not what was downloaded</source>
        <translation>内容与下载时不一致</translation>
    </message>
    <message>
        <source>it cannot be written ({reason})</source>
        <translation>无法写入（{reason}）</translation>
    </message>
    <message>
        <source>there is no space left to write it ({reason})</source>
        <translation>没有空间可供写入（{reason}）</translation>
    </message>
    <message>
        <source>there is no run {run}</source>
        <translation>没有运行 {run}</translation>
    </message>
    <message>
        <source>there is no change {change}</source>
        <translation>没有更改 {change}</translation>
    </message>
    <message>
        <source>another MQwen is repairing the catalog</source>
        <translation>另一个 MQwen 正在修复目录库</translation>
    </message>
    <message>
        <source>the catalog cannot be used ({error})</source>
        <translation>目录库无法使用（{error}）</translation>
    </message>
    <message>
        <source>the catalog cannot be opened ({error})</source>
        <translation>目录库无法打开（{error}）</translation>
    </message>
    <message>
        <source>there is no space left for the catalog</source>
        <translation>没有空间可供目录库使用</translation>
    </message>
    <message>
        <source>the catalog is damaged ({error})</source>
        <translation>目录库已损坏（{error}）</translation>
    </message>
    <message>
        <source>the catalog is in use by another MQwen</source>
        <translation>目录库正被另一个 MQwen 使用</translation>
    </message>
    <message>
        <source>it is closed</source>
        <translation>已关闭</translation>
    </message>
    <message>
        <source>one photo is named twice in one step</source>
        <translation>同一步中一张照片出现了两次</translation>
    </message>
    <message>
        <source>nothing stands after {name}:</source>
        <translation>{name}: 之后没有内容</translation>
    </message>
    <message>
        <source>chars:{value} is no length</source>
        <translation>chars:{value} 不是长度</translation>
    </message>
    <message>
        <source>there is a closing parenthesis too many</source>
        <translation>多了一个右括号</translation>
    </message>
    <message>
        <source>a word is missing beside AND, OR or NOT</source>
        <translation>AND、OR 或 NOT 旁边缺少词语</translation>
    </message>
    <message>
        <source>the parentheses are nested too deeply</source>
        <translation>括号嵌套过深</translation>
    </message>
    <message>
        <source>a closing parenthesis is missing</source>
        <translation>缺少右括号</translation>
    </message>
    <message>
        <source>there is no state {name}</source>
        <translation>没有状态 {name}</translation>
    </message>
    <message>
        <source>taken:{value} is no date</source>
        <translation>taken:{value} 不是日期</translation>
    </message>
    <message>
        <source>a closing parenthesis stands where a word belongs</source>
        <translation>应为词语的位置上是右括号</translation>
    </message>
    <message>
        <source>order {name} is not known</source>
        <translation>未知的排序 {name}</translation>
    </message>
    <message>
        <source>it has {pixels} megapixels, more than the {most} that are allowed</source>
        <translation>它有 {pixels} 百万像素，超过允许的 {most}</translation>
    </message>
    <message>
        <source>decoding it takes about {need} GB of memory, and {free} GB are free</source>
        <translation>解码它约需 {need} GB 内存，目前可用 {free} GB</translation>
    </message>
    <message>
        <source>another run writes it just now</source>
        <translation>另一次运行正在写入它</translation>
    </message>
    <message>
        <source>it was made by another program meanwhile</source>
        <translation>它在此期间由另一个程序创建</translation>
    </message>
    <message>
        <source>it was changed by another program meanwhile</source>
        <translation>它在此期间被另一个程序更改</translation>
    </message>
    <message>
        <source>it was moved or deleted meanwhile</source>
        <translation>它在此期间被移动或删除</translation>
    </message>
    <message>
        <source>ExifTool is not installed</source>
        <translation>没有安装 ExifTool</translation>
    </message>
    <message>
        <source>ExifTool {version} at {path} is too old: {wanted} or newer is needed</source>
        <translation>{path} 的 ExifTool {version} 太旧：需要 {wanted} 或更新的版本</translation>
    </message>
    <message>
        <source>ExifTool does not start ({error})</source>
        <translation>ExifTool 无法启动（{error}）</translation>
    </message>
    <message>
        <source>its text in {name} is not a string, and was left as it is</source>
        <translation>它在 {name} 中的文字不是字符串，已保持原样</translation>
    </message>
    <message>
        <source>it is UTF-16, and was left as it is</source>
        <translation>它是 UTF-16 编码，已保持原样</translation>
    </message>
    <message>
        <source>its name is not Unicode, as metadata.jsonl must be</source>
        <translation>文件名不是 Unicode，而 metadata.jsonl 必须是</translation>
    </message>
    <message>
        <source>it does not lie below the folder of {path}</source>
        <translation>它不在 {path} 所在的文件夹之下</translation>
    </message>
    <message>
        <source>another picture took its place while it was being captioned</source>
        <translation>生成描述期间，它被另一张图片取代</translation>
    </message>
    <message>
        <source>the model gave it no text</source>
        <translation>模型没有为它生成文字</translation>
    </message>
    <message>
        <source>it was deleted while it was being captioned</source>
        <translation>生成描述期间，它被删除</translation>
    </message>
    <message>
        <source>its folder is not there</source>
        <translation>它的文件夹不存在</translation>
    </message>
    <message>
        <source>run {run} is still running</source>
        <translation>运行 {run} 仍在进行</translation>
    </message>
    <message>
        <source>run {run} can no longer be reverted: what was kept for that was given up on {time}</source>
        <translation>运行 {run} 无法再还原：为此保留的内容已于 {time} 清除</translation>
    </message>
    <message>
        <source>the folder cannot be read ({error})</source>
        <translation>文件夹无法读取（{error}）</translation>
    </message>
    <message>
        <source>this is another program&apos;s database, not a catalog</source>
        <translation>这是另一个程序的数据库，不是目录库</translation>
    </message>
    <message>
        <source>it was made by a newer MQwen (version {version} of its tables; this one knows {known})</source>
        <translation>它由更新的 MQwen 创建（数据表版本 {version}；当前支持 {known}）</translation>
    </message>
    <message>
        <source>it is too large for a caption</source>
        <translation>它太大，不会是描述文字</translation>
    </message>
    <message>
        <source>its undo record cannot be read</source>
        <translation>它的撤销记录无法读取</translation>
    </message>
    <message>
        <source>there is nothing to look for</source>
        <translation>没有要查找的内容</translation>
    </message>
    <message>
        <source>there is nothing to add</source>
        <translation>没有要添加的内容</translation>
    </message>
    <message>
        <source>it is no regular expression: {error}</source>
        <translation>不是正则表达式：{error}</translation>
    </message>
    <message>
        <source>the regular expression takes too long</source>
        <translation>正则表达式耗时过长</translation>
    </message>
    <message>
        <source>its undo record does not fit it</source>
        <translation>撤销记录与它不符</translation>
    </message>
    <message>
        <source>it was changed since, and only a part of it was kept</source>
        <translation>它后来被更改过，而且只保留了一部分</translation>
    </message>
    <message>
        <source>its metadata cannot be put back: {reason}</source>
        <translation>无法恢复它的元数据：{reason}</translation>
    </message>
    <message>
        <source>The catalog {path} was damaged. It was moved to {aside}, and a new one was made with what could be read of it: {what}</source>
        <translation>目录库 {path} 已损坏。它已移到 {aside}，并用能读取的内容建立了新的目录库：{what}</translation>
    </message>
    <message>
        <source>What is missing there cannot be reverted or undone any more; photos and their files are untouched</source>
        <translation>其中缺少的内容无法再撤回或撤销；照片及其文件没有改动</translation>
    </message>
    <message>
        <source>another filter is wanted</source>
        <translation>已改用另一个筛选</translation>
    </message>
    <message>
        <source>stopped before the model was loaded</source>
        <translation>在模型加载之前已停止</translation>
    </message>
    <message>
        <source>the adapter is missing</source>
        <translation>缺少适配器</translation>
    </message>
    <message>
        <source>Choose its folder.</source>
        <translation>请选择它的文件夹。</translation>
    </message>
    <message>
        <source>{name} cannot be the name of a model</source>
        <translation>{name} 不能用作模型名称</translation>
    </message>
    <message>
        <source>Take letters, digits, - and _.</source>
        <translation>请使用字母、数字、- 和 _。</translation>
    </message>
    <message>
        <source>there is a model of this name already</source>
        <translation>已有同名的模型</translation>
    </message>
    <message>
        <source>Take another name.</source>
        <translation>请换一个名称。</translation>
    </message>
    <message>
        <source>{runs} runs, {photos} photos, {changes} changes, {steps} edit steps, {edits} edits</source>
        <translation>{runs} 个任务、{photos} 张照片、{changes} 处更改、{steps} 个编辑步骤、{edits} 处编辑</translation>
    </message>
    <message>
        <source>Wait until it has done.</source>
        <translation>请等它完成。</translation>
    </message>
    <message>
        <source>Wait until that one has done, and try again.</source>
        <translation>请等它完成后重试。</translation>
    </message>
    <message>
        <source>Make one edit of the two.</source>
        <translation>请把两处编辑合为一处。</translation>
    </message>
    <message>
        <source>For instance {example}.</source>
        <translation>例如 {example}。</translation>
    </message>
    <message>
        <source>Remove it, or open one before.</source>
        <translation>请删除它，或在前面加上左括号。</translation>
    </message>
    <message>
        <source>To look for the word itself, write &quot;and&quot;.</source>
        <translation>要查找这个词本身，请写 &quot;and&quot;。</translation>
    </message>
    <message>
        <source>Use at most {most} levels.</source>
        <translation>最多使用 {most} 层。</translation>
    </message>
    <message>
        <source>Add ) where the group ends.</source>
        <translation>请在分组结束处加上 )。</translation>
    </message>
    <message>
        <source>There are {names}.</source>
        <translation>可用的有 {names}。</translation>
    </message>
    <message>
        <source>Remove it.</source>
        <translation>请删除它。</translation>
    </message>
    <message>
        <source>Check its permissions and its disk.</source>
        <translation>请检查它的权限和磁盘。</translation>
    </message>
    <message>
        <source>Check the permissions of the file and its folder.</source>
        <translation>请检查文件及其文件夹的权限。</translation>
    </message>
    <message>
        <source>The disk is read-only: copy the photos to another one.</source>
        <translation>磁盘是只读的：请把照片复制到另一个磁盘。</translation>
    </message>
    <message>
        <source>Give the photo a shorter name.</source>
        <translation>请给照片起一个短一些的名字。</translation>
    </message>
    <message>
        <source>Its folder is gone.</source>
        <translation>它的文件夹已不存在。</translation>
    </message>
    <message>
        <source>Give the pictures in it.</source>
        <translation>请选择其中的图片。</translation>
    </message>
    <message>
        <source>Give the picture&apos;s file.</source>
        <translation>请选择图片文件。</translation>
    </message>
    <message>
        <source>Wait for that run to end, or stop it.</source>
        <translation>请等那次运行结束，或停止它。</translation>
    </message>
    <message>
        <source>Write it again.</source>
        <translation>请重新写入。</translation>
    </message>
    <message>
        <source>Make it a string, or let it be overwritten.</source>
        <translation>请把它改为字符串，或允许覆盖。</translation>
    </message>
    <message>
        <source>Caption the photo again.</source>
        <translation>请重新为这张照片生成描述。</translation>
    </message>
    <message>
        <source>Save it as UTF-8.</source>
        <translation>请将其保存为 UTF-8。</translation>
    </message>
    <message>
        <source>Rename the photo.</source>
        <translation>请重命名这张照片。</translation>
    </message>
    <message>
        <source>Check that it is still there.</source>
        <translation>请检查它是否还在。</translation>
    </message>
    <message>
        <source>Run again.</source>
        <translation>请再次运行。</translation>
    </message>
    <message>
        <source>Try another prompt or model.</source>
        <translation>请换用其他提示词或模型。</translation>
    </message>
    <message>
        <source>Stop it first, or wait for its end.</source>
        <translation>请先停止它，或等它结束。</translation>
    </message>
    <message>
        <source>Check its permissions; its photos were left out.</source>
        <translation>请检查它的权限；其中的照片没有列出。</translation>
    </message>
    <message>
        <source>Move it away, or give another path.</source>
        <translation>请把它移走，或给出另一个路径。</translation>
    </message>
    <message>
        <source>Update MQwen. The catalog was left as it is.</source>
        <translation>请更新 MQwen。目录库已保持原样。</translation>
    </message>
    <message>
        <source>Make it simpler: not one repetition inside another, as in (a+)+.</source>
        <translation>请简化它：不要在重复之中再用重复，例如 (a+)+。</translation>
    </message>
    <message>
        <source>it has further hard links, which a change would cut off</source>
        <translation>它还有其他硬链接，更改会使它们断开</translation>
    </message>
    <message>
        <source>it is in the cloud, not on this computer</source>
        <translation>它在云端，不在这台电脑上</translation>
    </message>
    <message>
        <source>tensor {name}: {what}</source>
        <translation>张量 {name}：{what}</translation>
    </message>
    <message>
        <source>language model</source>
        <translation>语言模型</translation>
    </message>
    <message>
        <source>vision tower</source>
        <translation>视觉塔</translation>
    </message>
    <message>
        <source>a model in {kind} cannot be saved</source>
        <translation>{kind} 格式的模型无法保存</translation>
    </message>
    <message>
        <source>bias is {value}: biases trained with a LoRA cannot be merged</source>
        <translation>bias 为 {value}：随 LoRA 训练的偏置无法合并</translation>
    </message>
    <message>
        <source>cannot be read ({error})</source>
        <translation>无法读取（{error}）</translation>
    </message>
    <message>
        <source>cannot be written ({error})</source>
        <translation>无法写入（{error}）</translation>
    </message>
    <message>
        <source>changes {name}, which {part} does not have</source>
        <translation>它修改 {name}，而 {part} 中没有</translation>
    </message>
    <message>
        <source>has no counterpart (a LoRA has an A and a B)</source>
        <translation>缺少与之配对的部分（LoRA 由 A 和 B 组成）</translation>
    </message>
    <message>
        <source>has the shape {shape}; config.json asks for {needed}</source>
        <translation>形状为 {shape}；config.json 要求 {needed}</translation>
    </message>
    <message>
        <source>has the shape {shape}, which does not fit {other}</source>
        <translation>形状为 {shape}，与 {other} 不符</translation>
    </message>
    <message>
        <source>has the type {dtype}, which MQwen does not read</source>
        <translation>类型为 {dtype}，MQwen 无法读取</translation>
    </message>
    <message>
        <source>holds NaN or infinite values</source>
        <translation>含有 NaN 或无穷大的值</translation>
    </message>
    <message>
        <source>holds no tensors by name</source>
        <translation>其中没有带名称的张量</translation>
    </message>
    <message>
        <source>holds {bytes} bytes more than its header says</source>
        <translation>比文件头所说的多 {bytes} 字节</translation>
    </message>
    <message>
        <source>holds {dtype} values where weights belong</source>
        <translation>权重的位置上是 {dtype} 类型的值</translation>
    </message>
    <message>
        <source>holds {kind} at {name} where a tensor belongs</source>
        <translation>{name} 处应为张量，却是 {kind}</translation>
    </message>
    <message>
        <source>is also in {file}</source>
        <translation>也在 {file} 中</translation>
    </message>
    <message>
        <source>is damaged or no plain weight file ({error})</source>
        <translation>已损坏，或不是普通的权重文件（{error}）</translation>
    </message>
    <message>
        <source>there is not enough memory to read it</source>
        <translation>内存不足，无法读取</translation>
    </message>
    <message>
        <source>is damaged: not a JSON object</source>
        <translation>已损坏：不是 JSON 对象</translation>
    </message>
    <message>
        <source>is damaged: not valid JSON ({error})</source>
        <translation>已损坏：不是有效的 JSON（{error}）</translation>
    </message>
    <message>
        <source>is here twice, as {name} too</source>
        <translation>出现了两次，另一个名称是 {name}</translation>
    </message>
    <message>
        <source>is in the way</source>
        <translation>已被占用</translation>
    </message>
    <message>
        <source>is inside the model that is exported</source>
        <translation>位于要导出的模型之内</translation>
    </message>
    <message>
        <source>is missing</source>
        <translation>缺失</translation>
    </message>
    <message>
        <source>is missing; {index} says that it is here</source>
        <translation>缺失；{index} 说它在这里</translation>
    </message>
    <message>
        <source>is not part of a LoRA</source>
        <translation>不属于 LoRA</translation>
    </message>
    <message>
        <source>is not part of this architecture</source>
        <translation>不属于这种模型结构</translation>
    </message>
    <message>
        <source>is there already and not empty</source>
        <translation>已经存在，而且不是空的</translation>
    </message>
    <message>
        <source>is too large for what it should be</source>
        <translation>对于它应有的内容来说太大</translation>
    </message>
    <message>
        <source>is truncated or no safetensors file</source>
        <translation>不完整，或不是 safetensors 文件</translation>
    </message>
    <message>
        <source>it asks for {step}, which MQwen does not do</source>
        <translation>它要求 {step}，MQwen 不支持</translation>
    </message>
    <message>
        <source>it cannot be read ({error})</source>
        <translation>无法读取（{error}）</translation>
    </message>
    <message>
        <source>it holds no JSON object</source>
        <translation>其中没有 JSON 对象</translation>
    </message>
    <message>
        <source>it makes pictures of {size}, the vision tower takes {expected}</source>
        <translation>它生成 {size} 大小的图片，而视觉部分需要 {expected}</translation>
    </message>
    <message>
        <source>its bytes do not fit its shape {shape}</source>
        <translation>字节数与形状 {shape} 不符</translation>
    </message>
    <message>
        <source>its chat template is damaged ({error})</source>
        <translation>聊天模板已损坏（{error}）</translation>
    </message>
    <message>
        <source>its entry in the header is damaged</source>
        <translation>它在文件头中的条目已损坏</translation>
    </message>
    <message>
        <source>its file {file} is not a file of this folder</source>
        <translation>它的文件 {file} 不在这个文件夹中</translation>
    </message>
    <message>
        <source>its image processing is damaged ({error})</source>
        <translation>图像处理配置已损坏（{error}）</translation>
    </message>
    <message>
        <source>line {number} is damaged</source>
        <translation>第 {number} 行已损坏</translation>
    </message>
    <message>
        <source>makes no model ({error})</source>
        <translation>无法构成模型（{error}）</translation>
    </message>
    <message>
        <source>makes no valid configuration ({error})</source>
        <translation>不是有效的配置（{error}）</translation>
    </message>
    <message>
        <source>names no tensors: weight_map is missing</source>
        <translation>没有列出张量：缺少 weight_map</translation>
    </message>
    <message>
        <source>no token of its tokenizer ends an answer</source>
        <translation>它的分词器中没有结束回答的标记</translation>
    </message>
    <message>
        <source>no weights here (model.safetensors or pytorch_model.bin, whole or in shards)</source>
        <translation>这里没有权重（整个或分片的 model.safetensors 或 pytorch_model.bin）</translation>
    </message>
    <message>
        <source>overlaps another tensor or leaves a gap</source>
        <translation>与另一个张量重叠，或留有空隙</translation>
    </message>
    <message>
        <source>peft_type is {kind}; MQwen merges LORA only</source>
        <translation>peft_type 为 {kind}；MQwen 只能合并 LORA</translation>
    </message>
    <message>
        <source>shapes {a} and {b} are not those of rank {rank}</source>
        <translation>形状 {a} 和 {b} 与秩 {rank} 不符</translation>
    </message>
    <message>
        <source>{option} is set: this kind of LoRA cannot be merged</source>
        <translation>设置了 {option}：这种 LoRA 无法合并</translation>
    </message>
    <message>
        <source>init_lora_weights is {value}: such a LoRA changes its base, and cannot be merged</source>
        <translation>init_lora_weights 为 {value}：这种 LoRA 会改动基础模型，无法合并</translation>
    </message>
    <message>
        <source>holds no LoRA</source>
        <translation>其中没有 LoRA</translation>
    </message>
    <message>
        <source>is missing, though other layers have it</source>
        <translation>缺失，而其他层都有</translation>
    </message>
    <message>
        <source>The adapter was not saved whole: save or copy it again.</source>
        <translation>适配器没有保存完整：请重新保存或复制。</translation>
    </message>
    <message>
        <source>seq_length is {value}</source>
        <translation>seq_length 为 {value}</translation>
    </message>
    <message>
        <source>{field} holds the pattern {key}; MQwen reads plain module names only</source>
        <translation>{field} 中有模式 {key}；MQwen 只读取普通的模块名</translation>
    </message>
    <message>
        <source>text_config or vision_config is missing</source>
        <translation>缺少 text_config 或 vision_config</translation>
    </message>
    <message>
        <source>vision_config is missing</source>
        <translation>缺少 vision_config</translation>
    </message>
    <message>
        <source>the disk has less room than the {needed} GB needed</source>
        <translation>磁盘空间不足所需的 {needed} GB</translation>
    </message>
    <message>
        <source>the file is truncated: it ends in this tensor</source>
        <translation>文件不完整：它在这个张量中间结束</translation>
    </message>
    <message>
        <source>the file is truncated: it has {size} bytes, this tensor ends at {end}</source>
        <translation>文件不完整：它有 {size} 字节，而这个张量到 {end} 才结束</translation>
    </message>
    <message>
        <source>the index of the shards is missing</source>
        <translation>缺少分片的索引</translation>
    </message>
    <message>
        <source>the model&apos;s chat template cannot express this conversation{refusal}</source>
        <translation>这个模型的聊天模板无法表达这段对话{refusal}</translation>
    </message>
    <message>
        <source>the tokenizer cannot be read ({error})</source>
        <translation>分词器无法读取（{error}）</translation>
    </message>
    <message>
        <source>the weights are quantised already</source>
        <translation>权重已经量化过</translation>
    </message>
    <message>
        <source>there is no tokenizer (tokenizer.json, vocab.json with merges.txt, or qwen.tiktoken)</source>
        <translation>没有分词器（tokenizer.json、vocab.json 加 merges.txt，或 qwen.tiktoken）</translation>
    </message>
    <message>
        <source>this shard is missing; {index} expects it</source>
        <translation>缺少这个分片；{index} 需要它</translation>
    </message>
    <message>
        <source>unknown architecture: model_type is {kind}, not &apos;llava&apos;</source>
        <translation>未知的模型结构：model_type 为 {kind}，不是 &apos;llava&apos;</translation>
    </message>
    <message>
        <source>unknown architecture: model_type of {name} is {kind}</source>
        <translation>未知的模型结构：{name} 的 model_type 为 {kind}</translation>
    </message>
    <message>
        <source>unknown language model: model_type is {kind}</source>
        <translation>未知的语言模型：model_type 为 {kind}</translation>
    </message>
    <message>
        <source>unknown vision tower: model_type is {kind}</source>
        <translation>未知的视觉部分：model_type 为 {kind}</translation>
    </message>
    <message>
        <source>{name} is {value}; MQwen knows Qwen-1 with {known} only</source>
        <translation>{name} 为 {value}；MQwen 只支持为 {known} 的 Qwen-1</translation>
    </message>
    <message>
        <source>quantisation {kind} is not known</source>
        <translation>未知的量化方式 {kind}</translation>
    </message>
    <message>
        <source>4-bit weights (nf4) need bitsandbytes, which is not installed</source>
        <translation>4 位权重（nf4）需要 bitsandbytes，但它没有安装</translation>
    </message>
    <message>
        <source>Ask without a system message, one question and its picture at a time.</source>
        <translation>请不带系统消息提问，每次一个问题和一张图片。</translation>
    </message>
    <message>
        <source>Copy it from the language model&apos;s folder.</source>
        <translation>请从语言模型的文件夹中复制。</translation>
    </message>
    <message>
        <source>Download or copy the model again: this file is not complete or was changed.</source>
        <translation>请重新下载或复制这个模型：这个文件不完整或被更改过。</translation>
    </message>
    <message>
        <source>Download the model again, with this file.</source>
        <translation>请重新下载这个模型，包括这个文件。</translation>
    </message>
    <message>
        <source>Download the model again.</source>
        <translation>请重新下载这个模型。</translation>
    </message>
    <message>
        <source>Download the model again: its weight files are missing.</source>
        <translation>请重新下载这个模型：缺少权重文件。</translation>
    </message>
    <message>
        <source>Download the model again; if it stays so, its training went wrong.</source>
        <translation>请重新下载这个模型；如果仍然如此，说明它的训练出了问题。</translation>
    </message>
    <message>
        <source>Load it without quantisation.</source>
        <translation>请不用量化加载。</translation>
    </message>
    <message>
        <source>MQwen knows LLaVA checkpoints of a CLIP, SigLIP or Chinese-CLIP tower with a Qwen2 or Qwen3 model, and Qwen-1, Qwen2 or Qwen3 with such a tower in separate folders.</source>
        <translation>MQwen 支持由 CLIP、SigLIP 或 Chinese-CLIP 与 Qwen2 或 Qwen3 组成的 LLaVA 模型，以及放在不同文件夹中的 Qwen-1、Qwen2 或 Qwen3 与这样的视觉部分。</translation>
    </message>
    <message>
        <source>Make room and start again.</source>
        <translation>请腾出空间后重试。</translation>
    </message>
    <message>
        <source>Name a new folder, or remove this one.</source>
        <translation>请指定新的文件夹，或删除这个文件夹。</translation>
    </message>
    <message>
        <source>Name another folder.</source>
        <translation>请指定另一个文件夹。</translation>
    </message>
    <message>
        <source>Name another, or leave it out.</source>
        <translation>请指定另一个，或不指定。</translation>
    </message>
    <message>
        <source>Remove it, or name another folder.</source>
        <translation>请删除它，或指定另一个文件夹。</translation>
    </message>
    <message>
        <source>The file belongs to another vision tower: copy the right one.</source>
        <translation>这个文件属于另一个视觉部分：请复制正确的文件。</translation>
    </message>
    <message>
        <source>The model folder is incomplete: download it again.</source>
        <translation>模型文件夹不完整：请重新下载。</translation>
    </message>
    <message>
        <source>The model is incomplete, or its config.json is another model&apos;s: download it again.</source>
        <translation>模型不完整，或者 config.json 属于另一个模型：请重新下载。</translation>
    </message>
    <message>
        <source>This adapter was trained for another language model.</source>
        <translation>这个适配器是为另一个语言模型训练的。</translation>
    </message>
    <message>
        <source>Use a checkpoint whose config.json is its own, without further parts.</source>
        <translation>请使用自带 config.json、没有多余部分的模型。</translation>
    </message>
    <message>
        <source>Use the tokenizer that belongs to this model.</source>
        <translation>请使用属于这个模型的分词器。</translation>
    </message>
    <message>
        <source>Use the unquantised model.</source>
        <translation>请使用未量化的模型。</translation>
    </message>
    <message>
        <source>ExifTool stopped working</source>
        <translation>ExifTool 停止了工作</translation>
    </message>
    <message>
        <source>ExifTool stopped working, or took too long</source>
        <translation>ExifTool 停止了工作，或耗时过长</translation>
    </message>
    <message>
        <source>ExifTool stopped working ({error})</source>
        <translation>ExifTool 停止了工作（{error}）</translation>
    </message>
    <message>
        <source>ExifTool does not read it ({error})</source>
        <translation>ExifTool 无法读取它（{error}）</translation>
    </message>
    <message>
        <source>ExifTool does not write it ({error})</source>
        <translation>ExifTool 无法写入它（{error}）</translation>
    </message>
    <message>
        <source>a PNG has no IPTC</source>
        <translation>PNG 没有 IPTC</translation>
    </message>
    <message>
        <source>a WebP has no IPTC</source>
        <translation>WebP 没有 IPTC</translation>
    </message>
    <message>
        <source>a description with a NUL byte cannot be written</source>
        <translation>含有 NUL 字节的描述无法写入</translation>
    </message>
    <message>
        <source>a metadata tag stands twice in its first directory</source>
        <translation>它的第一个目录中有重复的元数据标签</translation>
    </message>
    <message>
        <source>it ends before its picture begins</source>
        <translation>文件在图片开始之前就结束了</translation>
    </message>
    <message>
        <source>it ends before its picture does</source>
        <translation>文件在图片结束之前就结束了</translation>
    </message>
    <message>
        <source>it ends in a block that other programs look for at the end</source>
        <translation>它的末尾是其他程序要在末尾查找的数据块</translation>
    </message>
    <message>
        <source>it has a second IPTC block</source>
        <translation>它有第二个 IPTC 块</translation>
    </message>
    <message>
        <source>it has implausibly many segments</source>
        <translation>它的段数多得不合理</translation>
    </message>
    <message>
        <source>it has more than one Exif block</source>
        <translation>它有多个 Exif 块</translation>
    </message>
    <message>
        <source>it has more than one Exif block, or an unusual one</source>
        <translation>它有多个 Exif 块，或 Exif 块不常见</translation>
    </message>
    <message>
        <source>it has more than one Exif block, or one in an old form</source>
        <translation>它有多个 Exif 块，或 Exif 块为旧格式</translation>
    </message>
    <message>
        <source>it has more than one XMP packet</source>
        <translation>它有多个 XMP 包</translation>
    </message>
    <message>
        <source>it has more than one XMP packet, or one in an unusual form</source>
        <translation>它有多个 XMP 包，或 XMP 包的格式不常见</translation>
    </message>
    <message>
        <source>it has no picture</source>
        <translation>其中没有图片</translation>
    </message>
    <message>
        <source>it is a BigTIFF</source>
        <translation>它是 BigTIFF</translation>
    </message>
    <message>
        <source>it is a raw photo</source>
        <translation>它是 RAW 照片</translation>
    </message>
    <message>
        <source>it is a sidecar: give its photo</source>
        <translation>它是附属文件：请选择对应的照片</translation>
    </message>
    <message>
        <source>it is larger than 1 GB</source>
        <translation>它大于 1 GB</translation>
    </message>
    <message>
        <source>it is neither JPEG, PNG, WebP nor TIFF</source>
        <translation>它不是 JPEG、PNG、WebP 或 TIFF</translation>
    </message>
    <message>
        <source>it is not a JPEG</source>
        <translation>它不是 JPEG</translation>
    </message>
    <message>
        <source>it is not a PNG</source>
        <translation>它不是 PNG</translation>
    </message>
    <message>
        <source>it is not a WebP</source>
        <translation>它不是 WebP</translation>
    </message>
    <message>
        <source>it is signed (C2PA): a change would break the signature</source>
        <translation>它带有签名（C2PA）：更改会破坏签名</translation>
    </message>
    <message>
        <source>it is signed: a change would break the signature</source>
        <translation>它带有签名：更改会破坏签名</translation>
    </message>
    <message>
        <source>it would be larger than a PNG chunk can be</source>
        <translation>它会超过 PNG 数据块的最大长度</translation>
    </message>
    <message>
        <source>it would grow beyond 4 GB</source>
        <translation>它会超过 4 GB</translation>
    </message>
    <message>
        <source>it would not be read back as written</source>
        <translation>写入后读回的内容会不一致</translation>
    </message>
    <message>
        <source>its Exif block holds another caption, and cannot be changed safely</source>
        <translation>它的 Exif 块中有另一段描述，无法安全更改</translation>
    </message>
    <message>
        <source>its Exif block is damaged, so that its description cannot be changed without harm</source>
        <translation>它的 Exif 块已损坏，更改描述会造成损害</translation>
    </message>
    <message>
        <source>its IPTC datasets are damaged</source>
        <translation>它的 IPTC 数据已损坏</translation>
    </message>
    <message>
        <source>its IPTC is in a character set that MQwen does not know</source>
        <translation>它的 IPTC 使用了 MQwen 不支持的字符集</translation>
    </message>
    <message>
        <source>its IPTC was changed without its XMP, which ExifTool is not asked to mend</source>
        <translation>它的 IPTC 与 XMP 不一致，而 ExifTool 不会修复</translation>
    </message>
    <message>
        <source>its Photoshop block is damaged where its IPTC is</source>
        <translation>它的 Photoshop 块中 IPTC 所在的部分已损坏</translation>
    </message>
    <message>
        <source>its TIFF header is damaged</source>
        <translation>它的 TIFF 文件头已损坏</translation>
    </message>
    <message>
        <source>its TIFF header is missing</source>
        <translation>它缺少 TIFF 文件头</translation>
    </message>
    <message>
        <source>its VP8X chunk is damaged</source>
        <translation>它的 VP8X 数据块已损坏</translation>
    </message>
    <message>
        <source>its XMP chunk cannot be decompressed</source>
        <translation>它的 XMP 数据块无法解压</translation>
    </message>
    <message>
        <source>its XMP chunk is compressed in an unknown way</source>
        <translation>它的 XMP 数据块使用了未知的压缩方式</translation>
    </message>
    <message>
        <source>its XMP chunk is damaged</source>
        <translation>它的 XMP 数据块已损坏</translation>
    </message>
    <message>
        <source>its XMP chunk is damaged, or is implausibly large when decompressed</source>
        <translation>它的 XMP 数据块已损坏，或解压后大得不合理</translation>
    </message>
    <message>
        <source>its XMP chunk names a language, which would be lost with it</source>
        <translation>它的 XMP 数据块注明了语言，更改会丢失该信息</translation>
    </message>
    <message>
        <source>its XMP has a DTD</source>
        <translation>它的 XMP 含有 DTD</translation>
    </message>
    <message>
        <source>its XMP has no canonical form, so that it cannot be compared</source>
        <translation>它的 XMP 没有规范形式，无法比较</translation>
    </message>
    <message>
        <source>its XMP has no rdf:RDF, or more than one</source>
        <translation>它的 XMP 没有 rdf:RDF，或有多个</translation>
    </message>
    <message>
        <source>its XMP is UTF-16 or UTF-32</source>
        <translation>它的 XMP 是 UTF-16 或 UTF-32 编码</translation>
    </message>
    <message>
        <source>its XMP is damaged (a tag without end)</source>
        <translation>它的 XMP 已损坏（标签没有结束）</translation>
    </message>
    <message>
        <source>its XMP is damaged ({error})</source>
        <translation>它的 XMP 已损坏（{error}）</translation>
    </message>
    <message>
        <source>its XMP is larger than 64 MB</source>
        <translation>它的 XMP 大于 64 MB</translation>
    </message>
    <message>
        <source>its XMP is not UTF-8</source>
        <translation>它的 XMP 不是 UTF-8 编码</translation>
    </message>
    <message>
        <source>its XMP is read differently by two parsers</source>
        <translation>两个解析器对它的 XMP 的解读不同</translation>
    </message>
    <message>
        <source>its XMP would not be read back as written</source>
        <translation>写入后读回的 XMP 会不一致</translation>
    </message>
    <message>
        <source>its XMP says that it is {encoding}</source>
        <translation>它的 XMP 声明自己是 {encoding} 编码</translation>
    </message>
    <message>
        <source>its XMP has {name} in a form that MQwen does not know</source>
        <translation>它的 XMP 中 {name} 的形式 MQwen 不支持</translation>
    </message>
    <message>
        <source>its XMP has {name} twice</source>
        <translation>它的 XMP 中有两个 {name}</translation>
    </message>
    <message>
        <source>its chunks are damaged</source>
        <translation>它的数据块已损坏</translation>
    </message>
    <message>
        <source>its container directory states the length of the picture itself</source>
        <translation>它的容器目录注明了图片本身的长度</translation>
    </message>
    <message>
        <source>its directories form a ring</source>
        <translation>它的目录构成了循环</translation>
    </message>
    <message>
        <source>its directories overlap</source>
        <translation>它的目录相互重叠</translation>
    </message>
    <message>
        <source>its extended XMP holds captions or keywords, which cannot be changed safely</source>
        <translation>它的扩展 XMP 中有描述或关键词，无法安全更改</translation>
    </message>
    <message>
        <source>its first TIFF directory is damaged</source>
        <translation>它的第一个 TIFF 目录已损坏</translation>
    </message>
    <message>
        <source>its first TIFF directory is empty</source>
        <translation>它的第一个 TIFF 目录是空的</translation>
    </message>
    <message>
        <source>its multi-picture index is damaged, so that it cannot follow a change</source>
        <translation>它的多图索引已损坏，无法随更改调整</translation>
    </message>
    <message>
        <source>its picture lies in its header</source>
        <translation>它的图片位于文件头中</translation>
    </message>
    <message>
        <source>its picture would change</source>
        <translation>图片内容会被改变</translation>
    </message>
    <message>
        <source>its picture&apos;s header is damaged</source>
        <translation>它的图片头已损坏</translation>
    </message>
    <message>
        <source>its picture cannot be compared ({error})</source>
        <translation>它的图片无法比较（{error}）</translation>
    </message>
    <message>
        <source>one of its directories is damaged</source>
        <translation>它的一个目录已损坏</translation>
    </message>
    <message>
        <source>something else in it would change</source>
        <translation>其中的其他内容会被改变</translation>
    </message>
    <message>
        <source>something else in its XMP would change</source>
        <translation>它的 XMP 中的其他内容会被改变</translation>
    </message>
    <message>
        <source>the sidecar is empty</source>
        <translation>附属文件是空的</translation>
    </message>
    <message>
        <source>there are stray bytes between its segments</source>
        <translation>它的段之间有多余的字节</translation>
    </message>
    <message>
        <source>a value of its directory lies {where}</source>
        <translation>它的目录中有一个值位于 {where}</translation>
    </message>
    <message>
        <source>it has a marker FF{marker} where none may stand</source>
        <translation>不应有标记的位置上有标记 FF{marker}</translation>
    </message>
    <message>
        <source>its segment FF{marker} has a wrong length</source>
        <translation>它的段 FF{marker} 长度不正确</translation>
    </message>
    <message>
        <source>its sidecar {name} cannot be changed: {reason}</source>
        <translation>它的附属文件 {name} 无法更改：{reason}</translation>
    </message>
    <message>
        <source>its {what} would be larger than a JPEG&apos;s segment can be</source>
        <translation>它的 {what} 会超过 JPEG 段的最大长度</translation>
    </message>
    <message>
        <source>its text is up to date</source>
        <translation>文字已是最新</translation>
    </message>
    <message>
        <source>it was changed since</source>
        <translation>它后来被更改过</translation>
    </message>
    <message>
        <source>it was moved or deleted since</source>
        <translation>它后来被移动或删除</translation>
    </message>
    <message>
        <source>what stood there is no longer kept</source>
        <translation>原有的内容已不再保留</translation>
    </message>
    <message>
        <source>there is no space left on the disk</source>
        <translation>磁盘空间已满</translation>
    </message>
    <message>
        <source>your share of the disk is used up</source>
        <translation>您的磁盘配额已用完</translation>
    </message>
    <message>
        <source>the system does not allow it</source>
        <translation>系统不允许此操作</translation>
    </message>
    <message>
        <source>the disk is read-only</source>
        <translation>磁盘为只读</translation>
    </message>
    <message>
        <source>the name is too long</source>
        <translation>名称太长</translation>
    </message>
    <message>
        <source>it is not there</source>
        <translation>它不存在</translation>
    </message>
    <message>
        <source>it is there already</source>
        <translation>它已存在</translation>
    </message>
    <message>
        <source>it is a folder</source>
        <translation>它是文件夹</translation>
    </message>
    <message>
        <source>a part of its path is no folder</source>
        <translation>路径中有一部分不是文件夹</translation>
    </message>
    <message>
        <source>the folder is not empty</source>
        <translation>文件夹不是空的</translation>
    </message>
    <message>
        <source>the disk reports an error</source>
        <translation>磁盘报告错误</translation>
    </message>
    <message>
        <source>too many files are open</source>
        <translation>打开的文件太多</translation>
    </message>
    <message>
        <source>it is in use</source>
        <translation>它正在使用中</translation>
    </message>
    <message>
        <source>it is too large for this disk</source>
        <translation>对这个磁盘来说太大</translation>
    </message>
    <message>
        <source>its links lead in a circle</source>
        <translation>它的链接形成循环</translation>
    </message>
    <message>
        <source>the disk does not accept it</source>
        <translation>磁盘不接受它</translation>
    </message>
    <message>
        <source>the disk is not there any more</source>
        <translation>磁盘已不存在</translation>
    </message>
    <message>
        <source>the disk or the network does not answer</source>
        <translation>磁盘或网络没有响应</translation>
    </message>
    <message>
        <source>database disk image is malformed</source>
        <translation>数据库文件已损坏</translation>
    </message>
    <message>
        <source>file is not a database</source>
        <translation>文件不是数据库</translation>
    </message>
    <message>
        <source>disk I/O error</source>
        <translation>磁盘读写错误</translation>
    </message>
    <message>
        <source>attempt to write a readonly database</source>
        <translation>数据库为只读</translation>
    </message>
    <message>
        <source>unable to open database file</source>
        <translation>无法打开数据库文件</translation>
    </message>
    <message>
        <source>database or disk is full</source>
        <translation>磁盘已满</translation>
    </message>
    <message>
        <source>database is locked</source>
        <translation>数据库正被占用</translation>
    </message>
    <message>
        <source>{what}: line {line} column {column} (char {at})</source>
        <translation>{what}：第 {line} 行第 {column} 列（第 {at} 个字符）</translation>
    </message>
    <message>
        <source>Expecting value</source>
        <translation>缺少值</translation>
    </message>
    <message>
        <source>Extra data</source>
        <translation>有多余的数据</translation>
    </message>
    <message>
        <source>Expecting &apos;,&apos; delimiter</source>
        <translation>缺少逗号</translation>
    </message>
    <message>
        <source>Expecting &apos;:&apos; delimiter</source>
        <translation>缺少冒号</translation>
    </message>
    <message>
        <source>Expecting property name enclosed in double quotes</source>
        <translation>缺少用双引号括起的名称</translation>
    </message>
    <message>
        <source>Unterminated string starting at</source>
        <translation>字符串没有结尾</translation>
    </message>
    <message>
        <source>Invalid control character at</source>
        <translation>含有无效的控制字符</translation>
    </message>
    <message>
        <source>&apos;utf-8&apos; codec can&apos;t decode byte {byte} in position {at}: {why}</source>
        <translation>位置 {at} 的字节 {byte} 不是 UTF-8：{why}</translation>
    </message>
    <message>
        <source>invalid start byte</source>
        <translation>起始字节无效</translation>
    </message>
    <message>
        <source>invalid continuation byte</source>
        <translation>后续字节无效</translation>
    </message>
    <message>
        <source>unexpected end of data</source>
        <translation>数据意外结束</translation>
    </message>
    <message>
        <source>{what} at position {at}</source>
        <translation>{what}，位置 {at}</translation>
    </message>
    <message>
        <source>missing ), unterminated subpattern</source>
        <translation>缺少右括号 )</translation>
    </message>
    <message>
        <source>unbalanced parenthesis</source>
        <translation>括号不成对</translation>
    </message>
    <message>
        <source>unterminated character set</source>
        <translation>字符集缺少 ]</translation>
    </message>
    <message>
        <source>nothing to repeat</source>
        <translation>没有可以重复的内容</translation>
    </message>
    <message>
        <source>multiple repeat</source>
        <translation>重复符号连用</translation>
    </message>
    <message>
        <source>min repeat greater than max repeat</source>
        <translation>最少次数大于最多次数</translation>
    </message>
    <message>
        <source>bad escape {escape}</source>
        <translation>无效的转义 {escape}</translation>
    </message>
    <message>
        <source>bad escape (end of pattern)</source>
        <translation>结尾的反斜杠后缺少字符</translation>
    </message>
    <message>
        <source>bad character range {range}</source>
        <translation>无效的字符范围 {range}</translation>
    </message>
    <message>
        <source>unknown extension {extension}</source>
        <translation>未知的扩展 {extension}</translation>
    </message>
    <message>
        <source>invalid group reference {group}</source>
        <translation>无效的组引用 {group}</translation>
    </message>
    <message>
        <source>unexpected end of pattern</source>
        <translation>表达式意外结束</translation>
    </message>
    <message>
        <source>Check the connection, then download it again: it goes on from here.</source>
        <translation>请检查网络连接，然后再次下载：会从这里继续。</translation>
    </message>
    <message>
        <source>Download it again then: it goes on from here.</source>
        <translation>届时请再次下载：会从这里继续。</translation>
    </message>
    <message>
        <source>Check the proxy settings of this computer (the environment variables HF_ENDPOINT and HTTPS_PROXY), and start MQwen again.</source>
        <translation>请检查这台电脑的代理设置（环境变量 HF_ENDPOINT 和 HTTPS_PROXY），然后重新启动 MQwen。</translation>
    </message>
    <message>
        <source>Remove the model in Run &gt; Models, then download it there again.</source>
        <translation>请在“运行 &gt; 模型”中删除这个模型，然后重新下载。</translation>
    </message>
    <message>
        <source>Download it: Run &gt; Models, {name}, Download.</source>
        <translation>请下载它：“运行 &gt; 模型”，选择 {name}，然后“下载”。</translation>
    </message>
    <message>
        <source>Type a name of the hub, OWNER/NAME, or choose a model of the list in Run &gt; Models.</source>
        <translation>请输入 Hub 中的名称（所有者/名称），或在“运行 &gt; 模型”的列表中选择模型。</translation>
    </message>
    <message>
        <source>Choose another model in the bar, or add its folder in Run &gt; Models.</source>
        <translation>请在上方选择其他模型，或在“运行 &gt; 模型”中添加它的文件夹。</translation>
    </message>
    <message>
        <source>Choose another model in the bar, or download this one: type {name} in Run &gt; Models.</source>
        <translation>请在上方选择其他模型，或下载这个模型：在“运行 &gt; 模型”中输入 {name}。</translation>
    </message>
    <message>
        <source>MQwen runs no code in them. If you trust their owner, download it again and tick that you do.</source>
        <translation>MQwen 不会运行其中的代码。如果您信任所有者，请再次下载并勾选。</translation>
    </message>
    <message>
        <source>Read it at {page}, then download it again and tick that you accept it.</source>
        <translation>请在 {page} 阅读，然后再次下载并勾选接受。</translation>
    </message>
    <message>
        <source>Make room and download it again: it goes on from here. File &gt; Settings &gt; Models keeps models in another folder.</source>
        <translation>请腾出空间后再次下载：会从这里继续。在“文件 &gt; 设置 &gt; 模型”中可以更改模型文件夹。</translation>
    </message>
    <message>
        <source>Make room, or keep models in another folder: File &gt; Settings &gt; Models.</source>
        <translation>请腾出空间，或在“文件 &gt; 设置 &gt; 模型”中更改模型文件夹。</translation>
    </message>
    <message>
        <source>Choose the folder of models again in File &gt; Settings &gt; Models.</source>
        <translation>请在“文件 &gt; 设置 &gt; 模型”中重新选择模型文件夹。</translation>
    </message>
    <message>
        <source>Choose a folder in the LLaVA layout, or make one: Run &gt; Models &gt; Join three parts.</source>
        <translation>请选择 LLaVA 结构的文件夹，或生成一个：“运行 &gt; 模型 &gt; 合并三个部分”。</translation>
    </message>
    <message>
        <source>This is a {part} alone: join the parts in Run &gt; Models &gt; Join three parts.</source>
        <translation>这只是其中一部分（{part}）：请在“运行 &gt; 模型 &gt; 合并三个部分”中合并。</translation>
    </message>
    <message>
        <source>Run &gt; Models shows those that there are.</source>
        <translation>现有的模型可在“运行 &gt; 模型”中查看。</translation>
    </message>
    <message>
        <source>start MQwen with your token of the hub in the environment variable HF_TOKEN</source>
        <translation>把您的 Hub 令牌设为环境变量 HF_TOKEN 后启动 MQwen</translation>
    </message>
    <message>
        <source>Run &gt; History shows those that there are.</source>
        <translation>现有的任务可在“运行 &gt; 历史”中查看。</translation>
    </message>
    <message>
        <source>Check the permissions of its folder and the disk, then start MQwen again.</source>
        <translation>请检查其文件夹的权限和磁盘，然后重新启动 MQwen。</translation>
    </message>
    <message>
        <source>Check the permissions of its folder, then start MQwen again.</source>
        <translation>请检查其文件夹的权限，然后重新启动 MQwen。</translation>
    </message>
    <message>
        <source>Choose Help &gt; Check the catalog: what can be read is kept.</source>
        <translation>请使用“帮助 &gt; 检查目录库”：能读取的内容都会保留。</translation>
    </message>
    <message>
        <source>Close other programs, take a smaller model, or choose the processor: File &gt; Settings &gt; Models &gt; Device.</source>
        <translation>请关闭其他程序，换用较小的模型，或选择处理器：“文件 &gt; 设置 &gt; 模型 &gt; 设备”。</translation>
    </message>
    <message>
        <source>This PyTorch is built for the processor only: install a CUDA build of it, or choose the processor: File &gt; Settings &gt; Models &gt; Device.</source>
        <translation>这个 PyTorch 只支持处理器：请安装 CUDA 版本，或选择处理器：“文件 &gt; 设置 &gt; 模型 &gt; 设备”。</translation>
    </message>
    <message>
        <source>PyTorch sees no working CUDA card: check the driver, or choose the processor: File &gt; Settings &gt; Models &gt; Device.</source>
        <translation>PyTorch 没有找到可用的 CUDA 显卡：请检查驱动程序，或选择处理器：“文件 &gt; 设置 &gt; 模型 &gt; 设备”。</translation>
    </message>
    <message>
        <source>Choose another one: File &gt; Settings &gt; Models &gt; Device.</source>
        <translation>请选择其他设备：“文件 &gt; 设置 &gt; 模型 &gt; 设备”。</translation>
    </message>
    <message>
        <source>Choose 8 bits, or Never: File &gt; Settings &gt; Models &gt; Shrink the weights.</source>
        <translation>请选择 8 位或“从不”：“文件 &gt; 设置 &gt; 模型 &gt; 压缩权重”。</translation>
    </message>
    <message>
        <source>Choose 4 bits, or Never: File &gt; Settings &gt; Models &gt; Shrink the weights.</source>
        <translation>请选择 4 位或“从不”：“文件 &gt; 设置 &gt; 模型 &gt; 压缩权重”。</translation>
    </message>
    <message>
        <source>Choose 8 bits instead: File &gt; Settings &gt; Models &gt; Shrink the weights.</source>
        <translation>请改选 8 位：“文件 &gt; 设置 &gt; 模型 &gt; 压缩权重”。</translation>
    </message>
    <message>
        <source>Convert the photo to JPEG, or install pillow-heif in MQwen&apos;s Python and start MQwen again.</source>
        <translation>请把照片转换为 JPEG，或在 MQwen 所用的 Python 中安装 pillow-heif 后重新启动 MQwen。</translation>
    </message>
    <message>
        <source>Convert the photo to JPEG, or install Pillow&apos;s own build in MQwen&apos;s Python and start MQwen again.</source>
        <translation>请把照片转换为 JPEG，或在 MQwen 所用的 Python 中安装 Pillow 官方版本后重新启动 MQwen。</translation>
    </message>
    <message>
        <source>Install it from exiftool.org, then try again.</source>
        <translation>请从 exiftool.org 安装，然后重试。</translation>
    </message>
    <message>
        <source>Install a newer one from exiftool.org, then try again.</source>
        <translation>请从 exiftool.org 安装更新的版本，然后重试。</translation>
    </message>
    <message>
        <source>Install it again from exiftool.org, then try again.</source>
        <translation>请从 exiftool.org 重新安装，然后重试。</translation>
    </message>
    <message>
        <source>a person wrote or edited its text; only “Replace everything” replaces that</source>
        <translation>文字由人撰写或编辑过；只有“全部替换”才会替换它</translation>
    </message>
</context>
<context>
    <name>ReplaceDialog</name>
    <message>
        <source>Find and replace</source>
        <translation>查找和替换</translation>
    </message>
    <message>
        <source>&amp;Find</source>
        <translation>查找(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Replace with</source>
        <translation>替换为(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Match case</source>
        <translation>区分大小写(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;Whole words</source>
        <translation>全词匹配(&amp;W)</translation>
    </message>
    <message>
        <source>Re&amp;gular expression</source>
        <translation>正则表达式(&amp;G)</translation>
    </message>
    <message>
        <source>As Python has them; \1 or \g&lt;name&gt; in the replacement stand for groups</source>
        <translation>使用 Python 的语法；替换文字中的 \1 或 \g&lt;name&gt; 代表分组</translation>
    </message>
    <message>
        <source>Type what to look for</source>
        <translation>请输入要查找的内容</translation>
    </message>
    <message>
        <source>This is no regular expression: {reason}</source>
        <translation>这不是正则表达式：{reason}</translation>
    </message>
</context>
<context>
    <name>Replacing</name>
    <message>
        <source>&amp;Find and replace…</source>
        <translation>查找和替换(&amp;F)…</translation>
    </message>
    <message>
        <source>Add text &amp;before or after…</source>
        <translation>在前面或后面添加文字(&amp;B)…</translation>
    </message>
</context>
<context>
    <name>Review</name>
    <message>
        <source>Re&amp;view captions</source>
        <translation>审阅描述(&amp;V)</translation>
    </message>
    <message>
        <source>There is nothing to review: no photo here has a caption to approve.</source>
        <translation>没有可审阅的内容：这里没有照片有待通过的描述。</translation>
    </message>
    <message>
        <source>The model is at work. Wait for it, or cancel it, and ask again.</source>
        <translation>模型正在工作。请等待或取消，然后再问。</translation>
    </message>
    <message>
        <source>Asking the model again…</source>
        <translation>正在再次询问模型…</translation>
    </message>
    <message>
        <source>The new text is there</source>
        <translation>新文字已生成</translation>
    </message>
    <message>
        <source>The model gave no text: {reason}</source>
        <translation>模型没有给出文字：{reason}</translation>
    </message>
</context>
<context>
    <name>ReviewPage</name>
    <message>
        <source>Review</source>
        <translation>审阅</translation>
    </message>
    <message>
        <source>it was cut off</source>
        <translation>被截断</translation>
    </message>
    <message>
        <source>it repeats itself</source>
        <translation>有重复</translation>
    </message>
    <message>
        <source>the model was not sure</source>
        <translation>模型不确定</translation>
    </message>
    <message>
        <source>it hedges</source>
        <translation>措辞含糊</translation>
    </message>
    <message>
        <source>it has no text</source>
        <translation>没有文字</translation>
    </message>
    <message>
        <source>Caption</source>
        <translation>描述</translation>
    </message>
    <message>
        <source>Enter saves, Esc leaves it as it was</source>
        <translation>Enter 保存，Esc 保持原样</translation>
    </message>
    <message>
        <source>Another prompt</source>
        <translation>换个提示词</translation>
    </message>
    <message>
        <source>What to ask instead. Enter asks, Esc leaves it</source>
        <translation>要改问的问题。Enter 提问，Esc 放弃</translation>
    </message>
    <message>
        <source>Approve</source>
        <translation>通过</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>编辑</translation>
    </message>
    <message>
        <source>Reject</source>
        <translation>拒绝</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>重写</translation>
    </message>
    <message>
        <source>Redo with another prompt</source>
        <translation>换提示词重写</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>上一张</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>下一张</translation>
    </message>
    <message>
        <source>Leave</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>Key: {key}</source>
        <translation>按键：{key}</translation>
    </message>
    <message>
        <source>Looking for what should be reviewed first…</source>
        <translation>正在查找应先审阅的照片…</translation>
    </message>
    <message numerus="yes">
        <source>That was the last of %n photo(s). Esc goes back to the grid.</source>
        <translation>
            <numerusform>%n 张照片已全部审阅。按 Esc 返回网格。</numerusform>
        </translation>
    </message>
    <message>
        <source>{place} of {count}</source>
        <translation>{place} / {count}</translation>
    </message>
    <message>
        <source>Look closely: {reasons}</source>
        <translation>请仔细看：{reasons}</translation>
    </message>
    <message>
        <source>Nothing speaks against it</source>
        <translation>没有可疑之处</translation>
    </message>
    <message>
        <source>New text: A takes it, X keeps the one that stands</source>
        <translation>新文字：A 采用，X 保留现有的</translation>
    </message>
    <message>
        <source>Changed by the last run: X brings back the one before</source>
        <translation>上次任务改动过：X 恢复之前的文字</translation>
    </message>
    <message>
        <source>X takes the text away</source>
        <translation>X 去掉文字</translation>
    </message>
</context>
<context>
    <name>RunControls</name>
    <message>
        <source>&amp;Pause</source>
        <translation>暂停(&amp;P)</translation>
    </message>
    <message>
        <source>The run has stopped</source>
        <translation>任务已停止</translation>
    </message>
    <message>
        <source>{done} captioned, {failed} failed</source>
        <translation>{done} 张已生成描述，{failed} 张失败</translation>
    </message>
    <message>
        <source>Captioning has finished</source>
        <translation>描述已全部生成</translation>
    </message>
    <message numerus="yes">
        <source>A run over %n photo(s) did not come to its end: {where}</source>
        <translation>
            <numerusform>一个包含 %n 张照片的任务没有完成：{where}</numerusform>
        </translation>
    </message>
    <message>
        <source>&amp;Go on with it</source>
        <translation>继续任务(&amp;G)</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>&amp;Window</source>
        <translation>窗口(&amp;W)</translation>
    </message>
    <message>
        <source>&amp;Models</source>
        <translation>模型(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;Files</source>
        <translation>文件(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Shortcuts</source>
        <translation>快捷键(&amp;S)</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>&amp;Language</source>
        <translation>语言(&amp;L)</translation>
    </message>
    <message>
        <source>Another language is spoken from the next start on.</source>
        <translation>更改语言后，下次启动时生效。</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>&amp;Theme</source>
        <translation>主题(&amp;T)</translation>
    </message>
    <message>
        <source>Choose by itself</source>
        <translation>自动选择</translation>
    </message>
    <message>
        <source>Graphics card</source>
        <translation>显卡</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <source>Of several graphics cards, name one: cuda:0, cuda:1 and so on</source>
        <translation>有多块显卡时可指定一块：cuda:0、cuda:1 等</translation>
    </message>
    <message>
        <source>&amp;Device</source>
        <translation>设备(&amp;D)</translation>
    </message>
    <message>
        <source>32 bits</source>
        <translation>32 位</translation>
    </message>
    <message>
        <source>16 bits (bfloat16)</source>
        <translation>16 位 (bfloat16)</translation>
    </message>
    <message>
        <source>16 bits (float16)</source>
        <translation>16 位 (float16)</translation>
    </message>
    <message>
        <source>&amp;Precision</source>
        <translation>精度(&amp;P)</translation>
    </message>
    <message>
        <source>Only what does not fit otherwise</source>
        <translation>仅在放不下时</translation>
    </message>
    <message>
        <source>Never</source>
        <translation>从不</translation>
    </message>
    <message>
        <source>To 8 bits</source>
        <translation>压缩到 8 位</translation>
    </message>
    <message>
        <source>To 4 bits (graphics card only)</source>
        <translation>压缩到 4 位（仅限显卡）</translation>
    </message>
    <message>
        <source>S&amp;hrink the weights</source>
        <translation>压缩权重(&amp;H)</translation>
    </message>
    <message>
        <source>All that is free</source>
        <translation>全部可用显存</translation>
    </message>
    <message>
        <source>A model that needs more keeps the rest in main memory, and is slower</source>
        <translation>需要更多显存的模型会把其余部分放在内存中，速度较慢</translation>
    </message>
    <message>
        <source>Memory of the &amp;card to use</source>
        <translation>可用显存(&amp;C)</translation>
    </message>
    <message>
        <source>Threads of the p&amp;rocessor</source>
        <translation>处理器线程数(&amp;R)</translation>
    </message>
    <message>
        <source>These hold from the next time a model is loaded.</source>
        <translation>这些设置在下次加载模型时生效。</translation>
    </message>
    <message>
        <source>&amp;Browse…</source>
        <translation>浏览(&amp;B)…</translation>
    </message>
    <message>
        <source>Choose the folder of models</source>
        <translation>选择模型文件夹</translation>
    </message>
    <message>
        <source>Fo&amp;lder of models</source>
        <translation>模型文件夹(&amp;L)</translation>
    </message>
    <message>
        <source>The environment variable MQWEN_MODELS names this folder.</source>
        <translation>该文件夹由环境变量 MQWEN_MODELS 指定。</translation>
    </message>
    <message>
        <source>Models that are in the old folder stay there: move what you want to keep.</source>
        <translation>旧文件夹中的模型会留在原处：请自行移动要保留的模型。</translation>
    </message>
    <message>
        <source>&amp;Name of new XMP files</source>
        <translation>新建 XMP 文件的命名(&amp;N)</translation>
    </message>
    <message>
        <source>darktable and digiKam read the first, Lightroom the second.</source>
        <translation>darktable 和 digiKam 读取第一种，Lightroom 读取第二种。</translation>
    </message>
    <message>
        <source>&amp;Keep a photo&apos;s date of change when a caption is written into it</source>
        <translation>把描述写入照片时保留照片的修改日期(&amp;K)</translation>
    </message>
</context>
<context>
    <name>SettingsPart</name>
    <message>
        <source>S&amp;ettings…</source>
        <translation>设置(&amp;E)…</translation>
    </message>
    <message>
        <source>The settings were damaged and are the usual ones again. The old file is {path}</source>
        <translation>设置文件已损坏，已恢复默认设置。旧文件在 {path}</translation>
    </message>
    <message>
        <source>Restart now</source>
        <translation>立即重启</translation>
    </message>
    <message>
        <source>MQwen speaks the system&apos;s language when you start it again.</source>
        <translation>重新启动 MQwen 后将使用系统语言。</translation>
    </message>
</context>
<context>
    <name>ShortcutPage</name>
    <message>
        <source>Shortcuts</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>Action</source>
        <translation>操作</translation>
    </message>
    <message>
        <source>Shortcut</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>Keys of the chosen action</source>
        <translation>所选操作的快捷键</translation>
    </message>
    <message>
        <source>&amp;Keys</source>
        <translation>按键(&amp;K)</translation>
    </message>
    <message>
        <source>&amp;Usual keys</source>
        <translation>默认按键(&amp;U)</translation>
    </message>
    <message>
        <source>Two actions have {keys}.</source>
        <translation>有两个操作使用 {keys}。</translation>
    </message>
</context>
<context>
    <name>Trouble</name>
    <message>
        <source>&amp;Log and reports…</source>
        <translation>日志和报告(&amp;L)…</translation>
    </message>
    <message>
        <source>MQwen ended unexpectedly the last time. Your photos and what was written are untouched.</source>
        <translation>MQwen 上次意外退出。您的照片和已写入的内容没有受到影响。</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详情</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>报告</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>日志</translation>
    </message>
    <message>
        <source>Something went wrong that should not have: {error}. MQwen goes on; your photos are safe.</source>
        <translation>发生了意料之外的错误：{error}。MQwen 会继续运行，您的照片是安全的。</translation>
    </message>
    <message>
        <source>MQwen&apos;s catalog was damaged, and is made anew of what could be read. Your photos are untouched.</source>
        <translation>MQwen 的目录库已损坏，已用能读取的内容重新建立。您的照片没有受到影响。</translation>
    </message>
</context>
<context>
    <name>TryDialog</name>
    <message>
        <source>Try it on a dozen</source>
        <translation>先试十二张</translation>
    </message>
    <message>
        <source>What the model is &amp;asked</source>
        <translation>向模型提出的问题(&amp;A)</translation>
    </message>
    <message>
        <source>What the model is asked</source>
        <translation>向模型提出的问题</translation>
    </message>
    <message>
        <source>{name}, {folder}, {date} and {existing} stand for each photo&apos;s own</source>
        <translation>{name}、{folder}、{date} 和 {existing} 代表每张照片自己的文件名、文件夹、日期和已有文字</translation>
    </message>
    <message>
        <source>Nothing is written until you start the run.</source>
        <translation>开始任务之前，什么也不会写入。</translation>
    </message>
    <message>
        <source>Progress of the trial</source>
        <translation>试用进度</translation>
    </message>
    <message>
        <source>Try a&amp;gain</source>
        <translation>再试一次(&amp;G)</translation>
    </message>
    <message>
        <source>&amp;Other photos</source>
        <translation>换一批照片(&amp;O)</translation>
    </message>
    <message>
        <source>&amp;Start with this prompt</source>
        <translation>用这个提示词开始(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>关闭(&amp;C)</translation>
    </message>
    <message>
        <source>A dozen photos and their captions</source>
        <translation>十二张照片及其描述</translation>
    </message>
</context>
<context>
    <name>TryOut</name>
    <message>
        <source>&amp;Try it on 12…</source>
        <translation>先试 12 张(&amp;T)…</translation>
    </message>
    <message>
        <source>Asking the model…</source>
        <translation>正在询问模型…</translation>
    </message>
    <message>
        <source>Choosing photos that differ…</source>
        <translation>正在挑选彼此不同的照片…</translation>
    </message>
</context>
<context>
    <name>Welcome</name>
    <message>
        <source>Drop a folder of photos here</source>
        <translation>把照片文件夹拖到这里</translation>
    </message>
    <message>
        <source>Each photo gets a caption, written beside it. Nothing leaves this computer.</source>
        <translation>每张照片都会得到一条描述，写在照片旁边。任何内容都不会离开这台电脑。</translation>
    </message>
    <message>
        <source>&amp;Open folder…</source>
        <translation>打开文件夹(&amp;O)…</translation>
    </message>
    <message>
        <source>Try it on the sa&amp;mple pictures</source>
        <translation>用示例图片试一试(&amp;M)</translation>
    </message>
    <message>
        <source>Works at once and offline: with the starter model, on a copy of our own pictures</source>
        <translation>立即可用，无需联网：用入门模型处理我们自带图片的副本</translation>
    </message>
    <message>
        <source>&amp;Get a model for photographs…</source>
        <translation>获取适合照片的模型(&amp;G)…</translation>
    </message>
    <message>
        <source>Shows which models fit this machine; a download is the only use of the network</source>
        <translation>显示哪些模型适合本机；只有下载才会用到网络</translation>
    </message>
</context>
<context>
    <name>WriteChoice</name>
    <message>
        <source>Write</source>
        <translation>写入</translation>
    </message>
    <message>
        <source>Where captions go; several places can be ticked</source>
        <translation>描述写到哪里；可以勾选多处</translation>
    </message>
    <message>
        <source>.&amp;txt beside each photo</source>
        <translation>照片旁的 .txt 文件(&amp;T)</translation>
    </message>
    <message>
        <source>.&amp;caption beside each photo</source>
        <translation>照片旁的 .caption 文件(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;XMP sidecar beside each photo</source>
        <translation>照片旁的 XMP 附属文件(&amp;X)</translation>
    </message>
    <message>
        <source>&amp;Into the photo&apos;s own metadata</source>
        <translation>照片自身的元数据(&amp;I)</translation>
    </message>
    <message>
        <source>metadata.&amp;jsonl per folder</source>
        <translation>每个文件夹的 metadata.jsonl(&amp;J)</translation>
    </message>
    <message>
        <source>&amp;Nothing, only show</source>
        <translation>不写入，只显示(&amp;N)</translation>
    </message>
    <message>
        <source>Places to write to</source>
        <translation>写入位置</translation>
    </message>
</context>
</TS>
