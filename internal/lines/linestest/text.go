package linestest

import "strings"

// text are lists of plain text.
func text() []File {
	ids := IDs(1, 3)
	lf := form("%s\n")
	return []File{
		{Name: "one-a-line.txt", Data: []byte(lf), OpenIDs: ids},
		{Name: "no-end.txt", Data: []byte(strings.TrimSuffix(lf, "\n")), OpenIDs: ids},
		{Name: "crlf.txt", Data: []byte(strings.ReplaceAll(lf, "\n", "\r\n")), OpenIDs: ids},
		{Name: "cr.txt", Data: []byte(strings.ReplaceAll(lf, "\n", "\r")), OpenIDs: ids},
		{Name: "mixed-ends.txt", Data: []byte(ID(1) + "\r\n" + ID(2) + "\r" + ID(3) + "\n"), OpenIDs: ids},
		{Name: "blank-lines.txt", Data: []byte("\n\n" + form("%s\n\n\t \n")), OpenIDs: ids},
		{Name: "no-ending", Data: []byte(lf), OpenIDs: ids},
		{Name: "heading.txt", Data: []byte("OpenID\n" + lf), OpenIDs: ids},
		{Name: "heading-zh.txt", Data: []byte("用户OpenID\n" + lf), OpenIDs: ids},
		{Name: "title-zh.txt", Data: []byte("黑名单 2026-11-27\n----------\n" + lf), OpenIDs: ids},
		{Name: "comments.txt", Data: []byte("# spammers of this week\n" + form("%s # spam\n")), OpenIDs: ids},
		{Name: "notes.txt", Data: []byte(form("%s 刷屏，advertising 2026-11-27T05:22:11Z\n")), OpenIDs: ids},
		{Name: "numbered.txt", Data: []byte("1. " + ID(1) + "\n2. " + ID(2) + "\n3) " + ID(3) + "\n"), OpenIDs: ids},
		{Name: "bullets.md", Data: []byte(form("- `%s`\n")), OpenIDs: ids},
		{Name: "quoted-comma.txt", Data: []byte(form("\"%s\",\n")), OpenIDs: ids},
		{Name: "single-quoted.txt", Data: []byte(form("'%s',\n")), OpenIDs: ids},
		{Name: "apostrophe.txt", Data: []byte(form("'%s\n")), OpenIDs: ids},
		{Name: "formula.txt", Data: []byte(form("=\"%s\"\n")), OpenIDs: ids},
		{Name: "go.txt", Data: []byte("ids := []string{\n" + form("\t\"%s\",\n") + "}\n"), OpenIDs: ids, Bad: []int{1}},
		{Name: "array.js", Data: []byte("[\n" + form("  '%s',\n") + "]\n"), OpenIDs: ids},
		{Name: "url.txt", Data: []byte(form("https://example.com/u?openid=%s&from=1\n")), OpenIDs: ids},
		{Name: "zero-width.txt", Data: []byte(form("\u200b%s\u200d\n")), OpenIDs: ids},
		{Name: "no-break.txt", Data: []byte(form("\u00a0%s\u3000\n")), OpenIDs: ids},
		{Name: "marks.txt", Data: []byte(form("\u202a%s\u202c\n")), OpenIDs: ids},
		{Name: "twice.txt", Data: []byte(lf + lf), OpenIDs: append(IDs(1, 3), ids...)},
	}
}

// separators are lists with several OpenIDs on a line.
func separators() []File {
	var files []File
	for name, sep := range map[string]string{
		"comma": ",", "comma-blank": ", ", "semicolon": "; ", "tab": "\t", "blank": " ", "comma-zh": "，", "pause-zh": "、",
		"semicolon-zh": "；", "bar": "|", "slash": " / ", "wide-blank": "\u3000",
	} {
		files = append(files, File{
			Name: "separated-" + name + ".txt", OpenIDs: IDs(1, 9),
			Data: []byte(strings.Join(IDs(1, 4), sep) + "\n" + strings.Join(IDs(5, 8), sep) + sep + "\n" + ID(9) + "\n"),
		})
	}
	return append(files,
		File{Name: "one-line.txt", Data: []byte(strings.Join(IDs(1, 20_000), ",")), OpenIDs: IDs(1, 20_000)},
		File{Name: "one-line-zh.txt", Data: []byte("x" + strings.Join(IDs(1, 20_000), "、")[1:]), OpenIDs: IDs(2, 20_000), Bad: []int{1}},
		File{Name: "one-line-gbk.txt", Data: encoded(gbk, "名单："+strings.Join(IDs(1, 20_000), "、名")), OpenIDs: IDs(1, 20_000)},
		File{Name: "sql.txt", Data: []byte("('" + strings.Join(IDs(1, 5), "'),('") + "');"), OpenIDs: IDs(1, 5)},
		File{Name: "python.txt", Data: []byte("['" + strings.Join(IDs(1, 5), "', '") + "']\n"), OpenIDs: IDs(1, 5)},
	)
}

// damagedFiles hold what was meant as an OpenID and is none.
func damagedFiles() []File {
	one := ID(2)
	damaged := func(name, line string) File {
		return File{Name: name, Data: []byte(ID(1) + "\n" + line + "\n" + ID(3) + "\n"), OpenIDs: []string{ID(1), ID(3)}, Bad: []int{2}}
	}
	return []File{
		damaged("short.txt", "oxxx113"),
		damaged("longer.txt", one+"X"),
		damaged("cut.txt", one[:27]),
		damaged("two-in-one.txt", one+ID(4)),
		damaged("wrong-character.txt", one[:9]+"?"+one[10:]),
		damaged("blank-inside.txt", one[:9]+" "+one[9:]),
		damaged("invisible-inside.txt", one[:9]+"\u200b"+one[9:]),
		damaged("wide-letter.txt", "ｏ"+one[1:]),
		damaged("cyrillic.txt", "о"+one[1:]),
		damaged("zeros.txt", one[:9]+"\x00\x00"+one[11:]),
		damaged("commented.txt", "#"+one),
		damaged("words.txt", "somebody else"),
		{Name: "wide-first.txt", Data: []byte("ｏＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａ\n" + ID(1) + "\n"), OpenIDs: IDs(1, 1), Bad: []int{1}},
		{Name: "one-of-four.txt", Data: []byte(ID(1) + ", " + one[:14] + "?" + one[15:] + ", " + ID(3) + "\n"), OpenIDs: []string{ID(1), ID(3)}, Bad: []int{1}},
		{Name: "commented-behind.txt", Data: []byte(ID(1) + "\n" + ID(2) + " # like " + ID(3) + "\n"), OpenIDs: IDs(1, 2), Bad: []int{2}},
		{Name: "endless.txt", Data: []byte(ID(1) + "\n" + strings.Repeat("x", 1<<20) + "\n" + ID(2) + "\n"), OpenIDs: IDs(1, 2), Bad: []int{2}},
	}
}

// refused are what is no list at all.
func refused() []File {
	return []File{
		{Name: "old.xls", Data: []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00\x00\x00"), Error: "Excel workbook of the old form"},
		{Name: "a.pdf", Data: []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), Error: "it is a PDF"},
		{Name: "a.zip", Data: []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00list.txt"), Error: "it is a ZIP archive"},
		{Name: "a.gz", Data: []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"), Error: "it is a gzip archive"},
		{Name: "a.png", Data: []byte("\x89PNG\r\n\x1a\n\x00\x00"), Error: "it is a picture"},
		{Name: "a.bin", Data: []byte(strings.Repeat("\x00\x01\x02o", 100)), Error: "it is a binary file"},
	}
}
