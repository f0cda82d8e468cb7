package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"mpblock"
	"mpblock/bench/load"
)

// Names of what is measured, as the table has them.
const (
	pagesName   = "getblacklist"
	changedName = "getblacklist, list changes"
	batchName   = "batchblacklist"
	importName  = "import"
)

// pages measures full pages at cursors all over the list.
func (l *list) pages() error {
	targets, err := l.targets(true)
	if err != nil {
		return err
	}
	if err := l.firstWalk(targets); err != nil {
		return err
	}
	for _, conns := range []int{1, 16} {
		l.say("pages of %d entries, %d connections", l.entries, conns)
		subjects := make([]load.Subject, len(targets))
		for i, t := range targets {
			request, check := l.pageRequests(t), l.pageChecks(t, false)
			subjects[i] = load.Subject{Name: t.name, Round: func(until load.Limit) (load.Sample, error) { return load.Post(t.addr, conns, until, request, check) }}
		}
		samples, err := load.InTurns(l.turns(), subjects)
		if err != nil {
			return err
		}
		l.rows(pagesName, l.entries, conns, subjects, samples)
	}
	if l.entries != l.middle() {
		return nil
	}
	for _, size := range []int{1, 20} {
		if err := l.changedPages(targets, size); err != nil {
			return err
		}
	}
	return nil
}

// firstWalk reads every page of every target once and compares all of it. What
// follows is measured on lists that have been read before.
func (l *list) firstWalk(targets []target) error {
	for _, t := range targets {
		s, err := load.Post(t.addr, 1, load.Limit{Calls: l.fullPages(), Every: 1}, l.pageRequests(t), l.pageChecks(t, false))
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		if !t.fixed {
			l.figure("first walk after the start, "+t.name, l.entries, fmt.Sprintf("%d pages, each compared with the list, %.0f/s, median %s ms", s.Calls, s.Rate, ms(s.P50)))
		}
		if t.name == "mpblock" {
			l.atMost(fmt.Sprintf("a page in the first walk of %d entries after the start", l.entries), s.P50.Seconds()*1000, 1, " ms")
		}
	}
	return nil
}

// changedPages measures pages while the list changes 1,000 times a second, beside a
// bare handler that nothing disturbs and one that answers as many requests.
func (l *list) changedPages(targets []target, size int) error {
	const conns = 16
	l.say("pages of %d entries, %d connections, %d changes a second of %d OpenIDs each", l.entries, conns, changesWanted, size)
	var subjects []load.Subject
	for _, t := range targets {
		if t.atRest {
			continue
		}
		request, check := l.pageRequests(t), l.pageChecks(t, true)
		if t.fixed {
			subjects = append(subjects, load.Subject{Name: t.name + ", undisturbed", Round: func(until load.Limit) (load.Sample, error) { return load.Post(t.addr, conns, until, request, check) }})
		}
		subjects = append(subjects, load.Subject{Name: t.name, Round: func(until load.Limit) (load.Sample, error) {
			c := changer{target: t, list: l, size: size}
			if err := c.start(); err != nil {
				return load.Sample{}, err
			}
			s, err := load.Post(t.addr, conns, until, request, check)
			rate, stopped := c.stop()
			s.Changes = rate
			return s, errors.Join(err, stopped)
		}})
	}
	samples, err := load.InTurns(l.turns(), subjects)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if t.fixed {
			continue
		}
		n, err := total(t.addr, t.token)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		if n != l.entries {
			return fmt.Errorf("%s has a total of %d after all that was blocked was unblocked again, want %d", t.name, n, l.entries)
		}
	}
	l.rows(fmt.Sprintf("%s by %d", changedName, size), l.entries, conns, subjects, samples)
	return nil
}

// fullPages is how many pages of the list are full.
func (l *list) fullPages() uint64 { return uint64(l.entries / pageSize) } //nolint:gosec // not negative

// pageOf scatters the calls over the pages.
func (l *list) pageOf(n uint64) int { return int(n * 7919 % l.fullPages()) } //nolint:gosec // below fullPages

// pageRequests makes the requests of all pages beforehand.
func (l *list) pageRequests(t target) load.Requester {
	all := make([][]byte, l.fullPages())
	for i := range all {
		cursor := ""
		if i > 0 {
			cursor = l.ids[i*pageSize-1].String()
		}
		all[i] = load.AppendPost(nil, t.path("getblacklist"), `{"begin_openid":"`+cursor+`"}`)
	}
	return func(b []byte, n uint64) []byte { return append(b, all[l.pageOf(n)]...) }
}

// appendPage appends the answer that a page must be, byte for byte. It is written
// out here, so that an error in the encoder is seen.
func appendPage(b []byte, ids []mpblock.OpenID, total int) []byte {
	b = fmt.Appendf(b, `{"total":%d,"count":%d,"data":{"openid":[`, total, len(ids))
	for i := range ids {
		b = append(b, '"')
		b = append(b, ids[i][:]...)
		b = append(b, `",`...)
	}
	return fmt.Appendf(b[:len(b)-1], `]},"next_openid":"%s"}`, ids[len(ids)-1])
}

var expected = sync.Pool{New: func() any { return new([]byte) }}

// pageChecks holds pages to the list. Of a list that others change meanwhile, a
// page must hold all that nobody changes, in order, and the total may differ.
func (l *list) pageChecks(t target, changing bool) load.Checker {
	head := fmt.Sprintf(`{"total":%d,"count":%d,"data":{"openid":["`, l.entries, pageSize)
	return func(n uint64, body []byte, whole bool) error {
		from := l.pageOf(n) * pageSize
		if t.fixed {
			from = 0
		}
		if changing && !t.fixed {
			if !bytes.HasPrefix(body, []byte(`{"total":`)) || !bytes.Contains(body[:min(len(body), 80)], []byte(`"count":10000,"data"`)) {
				return fmt.Errorf("a page that begins with %.100q", body)
			}
			if whole {
				return l.checkChanging(from, body)
			}
			return nil
		}
		if !bytes.HasPrefix(body, []byte(head)) {
			return fmt.Errorf("a page that begins with %.100q and not with %q", body, head)
		}
		if !whole {
			return nil
		}
		buf := expected.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
		defer expected.Put(buf)
		*buf = appendPage((*buf)[:0], l.ids[from:from+pageSize], l.entries)
		if !bytes.Equal(body, *buf) {
			return fmt.Errorf("a wrong page after entry %d", from)
		}
		return nil
	}
}

// checkChanging holds a page to those entries that nobody changes.
func (l *list) checkChanging(from int, body []byte) error {
	_, rest, found := bytes.Cut(body, []byte(`"openid":[`))
	digits, _, _ := strings.Cut(string(body[len(`{"total":`):30]), ",")
	if n, err := strconv.Atoi(digits); err != nil || n < l.entries {
		return fmt.Errorf("a total of %q in a list of at least %d", digits, l.entries)
	}
	const element = mpblock.OpenIDLen + len(`"",`)
	if !found || len(rest) < pageSize*element {
		return fmt.Errorf("half a page: %d bytes", len(body))
	}
	var before mpblock.OpenID
	for i := range pageSize {
		id := mpblock.OpenID(rest[i*element+1:])
		if id.Compare(before) <= 0 {
			return fmt.Errorf("%s stands behind %s", id, before)
		}
		before = id
		switch order := id.Compare(l.ids[from]); {
		case order > 0:
			return fmt.Errorf("%s is not on its page", l.ids[from])
		case order == 0 && from+1 < len(l.ids):
			from++
		}
	}
	return nil
}
