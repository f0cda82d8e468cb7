package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"mpblock"
	"mpblock/client"
)

// addressRefused is the platform's code for an address that is not on the allow-list.
const addressRefused = 40164

// codes are the keys of the words for the platform's codes.
var codes = map[int]string{
	-1: "doctor.busy", 268487001: "doctor.busy", 50001: "doctor.irregular",
	40001: "doctor.dead", 40014: "doctor.dead", 42001: "doctor.dead", 42007: "doctor.dead",
	40002: "doctor.grant", 40013: "doctor.appid", 41002: "doctor.appid",
	40125: Secret, 41004: Secret,
	addressRefused: "doctor.address.unnamed", 61004: "doctor.address.unnamed",
	89501: "doctor.confirm", 89503: "doctor.confirm", 89506: "doctor.declined", 89507: "doctor.declined",
	40243: "doctor.frozen",
	40066: "doctor.unknown", 43001: "doctor.unknown", 43002: "doctor.unknown",
	45009: "doctor.day", 45011: "doctor.minute",
	48001: "doctor.unverified", 48004: "doctor.irregular",
	76021: "doctor.unknown",
	40003: "doctor.openid", 49003: "doctor.foreign", 50002: "doctor.limited", 61016: "doctor.person",
}

// The keys of the words for a secret that is wrong: on the pages of an account, which name
// its settings, in the form that adds one, and of commands.
const (
	Secret        = "doctor.secret"
	AddedSecret   = "doctor.secret.added"
	CommandSecret = "doctor.secret.command"
)

// others are the keys of words that are for no code.
var others = []string{
	"doctor.token", "doctor.list", "doctor.empty", "doctor.followers", "doctor.user", "doctor.quotas", "doctor.spent",
	"doctor.skipped.token", "doctor.skipped.nobody", "doctor.code", "doctor.address", AddedSecret, CommandSecret,
	"doctor.network.name", "doctor.network.refused", "doctor.network.late", "doctor.network.tls", "doctor.network.other",
}

// Keys returns the keys of all words that a report may need, beside those of the errors of
// sources of tokens.
func Keys() []string {
	keys := slices.Clone(others)
	for _, key := range codes {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Explain returns the words of an error that a call of the platform has ended with.
func Explain(err error) Check {
	var own *mpblock.Error
	if errors.As(err, &own) && own.Key == "upstream.down" && own.Err != nil {
		err = own.Err // how the way there failed
	}
	return explain(err)
}

// OfCode returns the words of a return code of the platform.
func OfCode(code int, message string) Check {
	return explain(&client.Error{Code: code, Message: message})
}

// explain returns the words of an error.
func explain(err error) Check {
	var refused *client.Error
	var own *mpblock.Error
	switch {
	case errors.As(err, &refused):
		c := Check{Key: codes[refused.Code], Code: refused.Code, RID: refused.RID}
		if c.Key == "" {
			c.Key, c.Args = "doctor.code", []string{strconv.Itoa(refused.Code) + " " + printable(refused.Message)}
		}
		return c
	case errors.As(err, &own):
		c := Check{Key: own.Key}
		for _, a := range own.Args {
			c.Args = append(c.Args, fmt.Sprint(a))
		}
		return c
	}
	return network(err)
}

func network(err error) Check {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var late net.Error
	switch {
	case errors.As(err, &dns):
		return Check{Key: "doctor.network.name", Args: []string{dns.Name}}
	case errors.As(err, &cert):
		return Check{Key: "doctor.network.tls", Args: []string{cert.Err.Error()}}
	case errors.As(err, &record), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return Check{Key: "doctor.network.tls", Args: []string{last(err)}}
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Check{Key: "doctor.network.refused"}
	case errors.As(err, &late) && late.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return Check{Key: "doctor.network.late"}
	}
	return Check{Key: "doctor.network.other", Args: []string{last(err)}}
}

// last returns the text of an error without what stands before it for programmers.
func last(err error) string { return printable(strings.TrimPrefix(err.Error(), "client: ")) }

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
