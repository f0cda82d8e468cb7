package linestest

import (
	"fmt"
	"slices"
	"strings"
)

// csvFiles are tables of text.
func csvFiles() []File {
	ids := IDs(1, 3)
	rows := func(format string) string {
		return each(func(n int, id string) string { return fmt.Sprintf(format, n, id) })
	}
	return []File{
		{Name: "one-column.csv", Data: []byte("openid\n" + form("%s\n")), OpenIDs: ids},
		{Name: "second.csv", Data: []byte("\ufeff编号,OPENID,昵称,时间,备注\n" + rows("%d,%s,小王,2026-11-27,刷屏\n")), OpenIDs: ids},
		{Name: "open_id.csv", Data: []byte("no,open_id\n" + rows("%d,%s\n")), OpenIDs: ids},
		{Name: "openid-zh.csv", Data: []byte("昵称,用户OpenID\n" + rows("用户%d,%s\n")), OpenIDs: ids},
		{Name: "OpenId.csv", Data: []byte("\"OpenId\",\"n\"\n" + each(func(n int, id string) string { return fmt.Sprintf("%q,\"%d\"\n", id, n) })), OpenIDs: ids},
		{Name: "semicolon.csv", Data: []byte("no;openid;note\n" + rows("%d;%s;1,5\n")), OpenIDs: ids},
		{Name: "tab.tsv", Data: []byte("no\topenid\n" + rows("%d\t%s\n")), OpenIDs: ids},
		{Name: "tab.txt", Data: []byte("no\topenid\n" + rows("%d\t%s\n")), OpenIDs: ids},
		{Name: "bar.csv", Data: []byte("no|openid|note\n" + rows("%d|%s|x\n")), OpenIDs: ids},
		{Name: "line-break.csv", Data: []byte("openid,remark,day\n" + form("%s,\"said \"\"hello\"\",\nthen left\",27\n")), OpenIDs: ids},
		{Name: "line-break-before.csv", Data: []byte("remark,openid\n" + form("\"said hello,\r\n\r\nthen left\",%s\r\n")), OpenIDs: ids},
		{Name: "remark-names-another.csv", Data: []byte("openid,remark\n" + form("%s,like "+ID(9)+"\n")), OpenIDs: ids},
		{Name: "union.csv", Data: []byte("unionid,openid\n" + each(func(n int, id string) string { return ID(n+10) + "," + id + "\n" })), OpenIDs: ids},
		{Name: "heading-of-one.csv", Data: []byte("openid,,\n" + ID(1) + "," + ID(2) + "," + ID(3) + "\n" + ID(4) + ",,\n"), OpenIDs: []string{ID(1), ID(4)}, Bad: []int{2}},
		{Name: "two-of-a-name.csv", Data: []byte("openid,openid\n" + ID(1) + "," + ID(2) + "\n" + ID(3) + ",\n"), OpenIDs: []string{ID(1), ID(3)}, Bad: []int{2}},
		{Name: "inviter.csv", Data: []byte("邀请人OpenID,用户OpenID\n" + ID(9) + "," + ID(1) + "\n" + ID(9) + "," + ID(2) + "\n" + ID(9) + "," + ID(3) + "\n"), OpenIDs: ids},
		{Name: "title-above.csv", Data: []byte("黑名单导出,,\n2026-11-27,,\n\nno,openid,note\n" + rows("%d,%s,x\n")), OpenIDs: ids},
		{Name: "no-heading.csv", Data: []byte(rows("%d,%s,note\n")), OpenIDs: ids},
		{Name: "other-heading.csv", Data: []byte("编号,用户,备注\n" + rows("%d,%s,note\n")), OpenIDs: ids},
		{Name: "no-heading.txt", Data: []byte(rows("%d\t%s\tlike " + ID(9) + "\n")), OpenIDs: ids},
		{Name: "joined.csv", Data: []byte("\ufeffopenid,n\n" + ID(1) + ",1\n\ufeffopenid,n\n" + ID(2) + ",2\n\ufeffn,openid\n3," + ID(3) + "\n"), OpenIDs: ids},
		{Name: "formula.csv", Data: []byte("no,openid\n" + rows("%d,=\"%s\"\n")), OpenIDs: ids},
		{Name: "several-in-a-cell.csv", Data: []byte("rule,openid\nspam,\"" + ID(1) + "," + ID(2) + "\"\nads," + ID(3) + "\n"), OpenIDs: ids},
		{Name: "stray-quote.csv", Data: []byte("openid,remark\n" + ID(1) + ",\"said\n" + ID(2) + ",x\n" + ID(3) + ",y\n"), OpenIDs: ids},
		{Name: "stray-quote-first.csv", Data: []byte("no,openid,remark\n\"1," + ID(1) + ",x\n2," + ID(2) + ",y\n3," + ID(3) + ",z\n"), OpenIDs: ids},
		{Name: "blank-before-a-quote.tsv", Data: []byte("remark\topenid\n \"a\t" + ID(1) + "\n \"\t" + ID(2) + "\nb\t" + ID(3) + "\n"), OpenIDs: ids},
		{Name: "blank-behind-a-quote.csv", Data: []byte("openid,inviter\n" + form("\"%s\" ,"+ID(9)+"\n")), OpenIDs: ids},
		{Name: "quoted-in-part.csv", Data: []byte("no,openid\n1," + ID(1) + "\n2,\"" + ID(2)[:9] + "\"" + ID(2)[9:] + "\n"), OpenIDs: []string{ID(1)}, Bad: []int{3}},
		{Name: "short-row.csv", Data: []byte("no,openid\n1," + ID(1) + "\n2\n3," + ID(3) + "\n"), OpenIDs: []string{ID(1), ID(3)}, Bad: []int{3}},
		{Name: "empty-cell.csv", Data: []byte("no,openid\n1," + ID(1) + "\n2,\n3," + ID(3) + "\n,\n"), OpenIDs: []string{ID(1), ID(3)}, Bad: []int{3}},
		{Name: "total.csv", Data: []byte("no,openid\n1," + ID(1) + "\n合计,1\n"), OpenIDs: []string{ID(1)}, Bad: []int{3}},
		{Name: "a-comma-more.csv", Data: []byte("no,openid\n1," + ID(1) + "\n,2," + ID(2) + "\n"), OpenIDs: []string{ID(1)}, Bad: []int{3}},
		{Name: "damaged-cell.csv", Data: []byte("no,openid,remark\n1," + ID(1) + ",a\n2," + ID(2)[:20] + ",b\n3," + ID(3) + ",c\n"), OpenIDs: []string{ID(1), ID(3)}, Bad: []int{3}},
		{Name: "blank-rows.csv", Data: []byte("no,openid\n,\n" + rows("%d,%s\n,\n\n")), OpenIDs: ids},
	}
}

// encodings are the same in what programs write.
func encodings() []File {
	ids := IDs(1, 3)
	table := "编号,OPENID,昵称\r\n" + each(func(n int, id string) string { return fmt.Sprintf("%d,%s,丂丄薀𠀀\r\n", n, id) })
	old := strings.ReplaceAll(table, "𠀀", "")
	list := form("%s\r\n")
	return []File{
		{Name: "bom.txt", Data: []byte("\ufeff" + list), OpenIDs: ids},
		{Name: "bom-in-the-middle.txt", Data: []byte("\ufeff" + ID(1) + "\n\ufeff" + ID(2) + "\n\ufeff\ufeff" + ID(3)), OpenIDs: ids},
		{Name: "utf16le.txt", Data: encoded(utf16LE, list), OpenIDs: ids},
		{Name: "utf16be.txt", Data: encoded(utf16BE, list), OpenIDs: ids},
		{Name: "utf16-no-bom.txt", Data: encoded(utf16Plain, list), OpenIDs: ids},
		{Name: "utf16-joined.txt", Data: append(encoded(utf16LE, ID(1)+"\n"+ID(2)+"\n"), encoded(utf16LE, ID(3)+"\n")...), OpenIDs: ids},
		{Name: "utf16le.csv", Data: encoded(utf16LE, strings.ReplaceAll(table, ",", "\t")), OpenIDs: ids},
		{Name: "utf16-shifted.csv", Data: slices.Delete(encoded(utf16LE, table), 20, 21), Error: "line 1: the UTF-16 text lacks a byte"},
		{Name: "utf16be-shifted.csv", Data: slices.Insert(encoded(utf16BE, "no\topenid\n1\t"+ID(1)+"\n2\t"+ID(2)+"\n"), 88, '\x00'), Error: "line 3: the UTF-16 text lacks a byte"},
		{Name: "gbk.csv", Data: encoded(gbk, old), OpenIDs: ids},
		{Name: "gb18030.csv", Data: encoded(gb18030, table), OpenIDs: ids},
		{Name: "gbk-heading.csv", Data: encoded(gbk, "昵称,用户OpenID\n"+form("王,%s\n")), OpenIDs: ids},
		{Name: "gbk-close.txt", Data: encoded(gbk, form("王%s李\n")), OpenIDs: ids},
		{Name: "utf8-and-gbk.csv", Data: append([]byte("openid,昵称\n"+ID(1)+",王\n"+ID(2)+",李\n"), encoded(gbk, ID(3)+",薀\n")...), OpenIDs: ids},
		{Name: "utf16.json", Data: encoded(utf16LE, `["`+strings.Join(ids, `","`)+`"]`), OpenIDs: ids},
	}
}

// workbooks are of a spreadsheet.
func workbooks() []File {
	ids := IDs(1, 3)
	table := sheet{"名单", [][]any{{"编号", "OPENID", "备注"}, {1, ID(1), "刷屏"}, {2, ID(2), "a\nb"}, {3, ID(3)}}}
	return []File{
		{Name: "table.xlsx", Data: workbook(table), OpenIDs: ids},
		{Name: "one-column.xlsx", Data: workbook(sheet{"Sheet1", [][]any{{ID(1)}, {ID(2)}, {ID(3)}}}), OpenIDs: ids},
		{Name: "title.xlsx", Data: workbook(sheet{"a", [][]any{{"黑名单"}, {}, {"no", "用户OpenID"}, {1, ID(1)}, {2, ID(2)}, {3, ID(3)}}}), OpenIDs: ids},
		{Name: "no-heading.xlsx", Data: workbook(sheet{"a", [][]any{{"x", ID(1)}, {"y", ID(2), "note"}, {"z", ID(3)}}}), OpenIDs: ids},
		{Name: "two-sheets.xlsx", Data: workbook(sheet{"notes", [][]any{{"what this is"}, {"for", "whom"}}}, sheet{"a", [][]any{{"openid"}, {ID(1)}, {ID(2)}}}, sheet{"b", [][]any{{ID(3)}}}), OpenIDs: ids},
		{Name: "wrong-name.txt", Data: workbook(table), OpenIDs: ids},
		{Name: "empty-cell.xlsx", Data: workbook(sheet{"a", [][]any{{"no", "openid"}, {1, ID(1)}, {2}, {3, ID(3)}}}), OpenIDs: []string{ID(1), ID(3)}, Bad: []int{3}},
		{Name: "damaged-cell.xlsx", Data: workbook(sheet{"a", [][]any{{"no", "openid"}, {1, ID(1)}, {2, 12345}, {3, ID(3)}}}), OpenIDs: []string{ID(1), ID(3)}, Bad: []int{3}},
		{Name: "cut.xlsx", Data: workbook(table)[:2_000], Error: "Excel workbook that cannot be read"},
	}
}

// jsonFiles are of programs.
func jsonFiles() []File {
	ids := IDs(1, 3)
	return []File{
		{Name: "array.json", Data: []byte(`["` + strings.Join(ids, `","`) + `"]`), OpenIDs: ids},
		{Name: "array-lines.json", Data: []byte("[\n  \"" + strings.Join(ids, "\",\n  \"") + "\"\n]\n"), OpenIDs: ids},
		{Name: "request.json", Data: []byte(`{"openid_list":["` + strings.Join(ids, `","`) + `"]}`), OpenIDs: ids},
		{Name: "answer.json", Data: []byte(`{"total":3,"count":3,"data":{"openid":["` + strings.Join(ids, `","`) + `"]},"next_openid":"` + ID(3) + `"}`), OpenIDs: ids},
		{Name: "objects.json", Data: []byte("[\n" + strings.TrimSuffix(form(`{"nickname":"王 ","openid":"%s","tags":["a","b"],"geo":{"city":"x"}},`+"\n"), ",\n") + "\n]"), OpenIDs: ids},
		{Name: "users.json", Data: []byte(`{"data":{"users":[` + strings.TrimSuffix(form(`{"openId":"%s","x":1},`), ",") + `]}}`), OpenIDs: ids},
		{Name: "objects.ndjson", Data: []byte(form(`{"openid":"%s","n":1}` + "\n")), OpenIDs: ids},
		{Name: "objects.jsonl", Data: []byte(form(`{"n":1,"OPENID":"%s"}` + "\r\n")), OpenIDs: ids},
		{Name: "ndjson.txt", Data: []byte(form(`{"n":1,"user":{"open_id":"%s"}}` + "\n")), OpenIDs: ids},
		{Name: "strings.ndjson", Data: []byte(form(`"%s"` + "\n")), OpenIDs: ids},
		{Name: "bom.ndjson", Data: []byte("\ufeff" + form(`{"openid":"%s"}`+"\n")), OpenIDs: ids},
		{Name: "pretty-objects.json", Data: []byte(form("{\n  \"openid\": \"%s\",\n  \"remark\": \"o_o\"\n}\n")), OpenIDs: ids},
		{Name: "damaged.ndjson", Data: []byte(`{"openid":"` + ID(1) + `"}` + "\n" + `{"openid":"` + ID(2) + "\n" + `{"openid":7}` + "\n" + `{"name":"x"}` + "\n" + `{"openid":"` + ID(3) + `"}`), OpenIDs: []string{ID(1), ID(3)}, Bad: []int{2, 3, 4}},
		{Name: "damaged-element.json", Data: []byte("[\"x\",\n\"" + ID(1) + "\",\n\"oxx\",\n7,\n\"" + ID(3) + "\"]"), OpenIDs: []string{ID(1), ID(3)}, Bad: []int{1, 3, 4}},
		{Name: "missing-field.json", Data: []byte("[{\"openid\":\"" + ID(1) + "\"},\n{\"opeid\":\"" + ID(2) + "\"}]"), OpenIDs: []string{ID(1)}, Bad: []int{2}},
		{Name: "object-in-place.json", Data: []byte("{\"users\":[\n{\"openid\":{\"value\":\"" + ID(2) + "\"}}],\"openid\":\"" + ID(1) + "\"}"), OpenIDs: IDs(1, 1), Bad: []int{2}},
		{Name: "other-fields.json", Data: []byte(`{"openid":["` + strings.Join(ids, `","`) + `"],"inviters":{"` + ID(9) + `":"` + ID(8) + `"}}`), OpenIDs: ids},
		{Name: "empty-page.json", Data: []byte(`{"total":3,"count":0,"next_openid":""}`), Bad: []int{1}},
		{Name: "breaks-off.json", Data: []byte("[\n\"" + ID(1) + "\",\n\"" + ID(2) + "\","), Error: "line 3: not JSON"},
	}
}

// own are files that mpblock writes.
func own() []File {
	ids := IDs(1, 3)
	return []File{
		{Name: "job.refused", Data: []byte(form("%s\t# 40003 invalid openid\n")), OpenIDs: ids},
		{Name: "mended.rejects", Data: []byte(form("%s\t# line 12: 7 characters long, an OpenID has 28\n")), OpenIDs: ids},
		{Name: "bad.txt.rejects", Data: []byte("oxx\t# line 7: 3 characters long, an OpenID has 28\n" + ID(1) + "\t# line 8: an OpenID of another account\n"), OpenIDs: []string{ID(1)}, Bad: []int{1}},
		{Name: "list.csv.rejects", Data: []byte("no,openid\n" + form("7,%s\t# line 12: empty\n")), OpenIDs: ids},
		{Name: "list.csv.rejects.rejects", Data: []byte("no,openid,remark\n" + form("7,%s,\"a\nb\"\t# line 1,012: why\n")), OpenIDs: ids},
		{Name: "list.ndjson.rejects", Data: []byte(form("{\"openid\":\"%s\"}\t# line 3: why\n")), OpenIDs: ids},
		{Name: "refused-260101.csv", Data: []byte("\ufeffopenid,line,why,detail\n" + form("%s,3,malformed,\"7 characters, too few\"\n")), OpenIDs: ids},
		{Name: "blacklist-wx.csv", Data: []byte("\ufeffopenid,seq,blocked_at,actor,reason\n" + form("%s,3,2026-11-27T05:22:11Z,console:ann,\"刷屏,\nand \"\"more\"\"\"\n")), OpenIDs: ids},
		{Name: "blacklist-wx.ndjson", Data: []byte(form(`{"openid":"%s","seq":3,"blocked_at":"2026-11-27T05:22:11Z","actor":"console:ann","reason":"x"}` + "\n")), OpenIDs: ids},
	}
}
