package platform

import (
	"cmp"

	"mpblock/internal/upstream/source"
)

// place is one of the places that tokens come from, in a form. What is secret of it never
// comes back into a page: there is only said that it was entered.
type place struct {
	Kind, Name, Means string
	Chosen            bool
	Fields            []placeField
}

// tokensForm is all that a form says of tokens.
type tokensForm struct {
	Places []place
	Key    string // that the platform's queries have the token under; "": access_token
}

type placeField struct {
	Name, Label, Value string
	Secret             bool
	Entered            bool // it is there, and stays where nothing else is entered
}

// tokensForm has all places, with what was entered of one so far.
func (v visit) tokensForm(s source.Spec) tokensForm {
	all := []place{
		{source.StableToken, v.Say(msg("tokens.stable")), v.Say(msg("tokens.stable.means")), false, []placeField{
			{"secret", v.Say(msg("tokens.secret")), "", true, s.Secret != "" && !s.Plain},
		}},
		{source.PlainToken, v.Say(msg("tokens.plain")), v.Say(msg("tokens.plain.means")), false, []placeField{
			{"plain", v.Say(msg("tokens.secret")), "", true, s.Secret != "" && s.Plain},
		}},
		{source.FromURL, v.Say(msg("tokens.url")), v.Say(msg("tokens.url.means")), false, []placeField{
			{"token-url", v.Say(msg("tokens.url.address")), "", true, s.URL != ""},
			{"header", v.Say(msg("tokens.url.header")), "", true, s.Header != ""},
			{"refresh", v.Say(msg("tokens.url.refresh")), "", true, s.Refresh != ""},
		}},
		{source.FromFile, v.Say(msg("tokens.file")), v.Say(msg("tokens.file.means")), false, []placeField{
			{"file", v.Say(msg("tokens.file.path")), s.File, false, false},
		}},
		{source.FromRedis, v.Say(msg("tokens.redis")), v.Say(msg("tokens.redis.means")), false, []placeField{
			{"redis", v.Say(msg("tokens.redis.address")), "", true, s.Redis != ""},
		}},
	}
	for i := range all {
		all[i].Chosen = all[i].Kind == cmp.Or(s.Kind(), source.StableToken)
	}
	return tokensForm{all, s.Key}
}

// tokens reads what the form says of tokens.
func (v visit) tokens(was source.Spec) source.Spec {
	s := v.from(was)
	s.Key = v.Field("token-key")
	return s
}

// from reads where the form says that tokens come from. What is left empty stays as it was,
// if the place is of the same kind.
func (v visit) from(was source.Spec) source.Spec {
	kind := v.Field("kind")
	if kind != was.Kind() {
		was = source.Spec{}
	}
	switch kind {
	case source.FromURL:
		if v.Field("token-url") != "" { // the others are for the server that they were entered with
			was = source.Spec{}
		}
		return source.Spec{URL: cmp.Or(v.Field("token-url"), was.URL), Header: cmp.Or(v.Field("header"), was.Header), Refresh: cmp.Or(v.Field("refresh"), was.Refresh)}
	case source.FromFile:
		return source.Spec{File: v.Field("file")}
	case source.FromRedis:
		return source.Spec{Redis: cmp.Or(v.Field("redis"), was.Redis)}
	case source.PlainToken:
		return source.Spec{Secret: cmp.Or(v.Field("plain"), was.Secret), Plain: true}
	}
	return source.Spec{Secret: cmp.Or(v.Field("secret"), was.Secret)}
}
