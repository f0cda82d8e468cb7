package admin

import (
	"maps"
	"slices"

	"mpblock"
	"mpblock/internal/access"
)

func (s Settings) apply(a *mpblock.Account) error {
	if s.Name != nil {
		a.Name = *s.Name
	}
	if s.AnyFollower != nil {
		a.AnyFollower = *s.AnyFollower
	}
	if s.AnyPrefix != nil {
		a.AnyPrefix = *s.AnyPrefix
	}
	if s.ReasonRequired != nil {
		a.ReasonRequired = *s.ReasonRequired
	}
	if s.Retired != nil {
		a.Retired = *s.Retired
	}
	for _, text := range s.ForgetReasons {
		a.Reasons = slices.DeleteFunc(slices.Clone(a.Reasons), func(r string) bool { return text == "all" || r == text })
	}
	a.Reasons = append(slices.Clone(a.Reasons), s.Reasons...)
	if err := s.applyIPs(a); err != nil {
		return err
	}
	a.Denied = append(a.Denied, s.DenyCalls...)
	a.Denied = slices.DeleteFunc(a.Denied, func(c mpblock.Call) bool { return slices.Contains(s.AllowCalls, c) })
	a.Daily = limits(a.Daily, s.Daily)
	a.PerMinute = limits(a.PerMinute, s.PerMinute)
	return nil
}

func (s Settings) applyIPs(a *mpblock.Account) error {
	for _, text := range s.ForgetIPs {
		if text == "all" {
			a.AllowIPs = nil
			continue
		}
		ip, err := access.ParseNetwork(text)
		if err != nil {
			return err
		}
		at := slices.Index(a.AllowIPs, ip)
		if at < 0 {
			return errNotAllowed.With(ip)
		}
		a.AllowIPs = slices.Delete(a.AllowIPs, at, at+1)
	}
	for _, text := range s.AllowIPs {
		ip, err := access.ParseNetwork(text)
		if err != nil {
			return err
		}
		a.AllowIPs = append(a.AllowIPs, ip)
	}
	return nil
}

func limits(have, change map[mpblock.Call]int) map[mpblock.Call]int {
	next := maps.Clone(have)
	if next == nil {
		next = map[mpblock.Call]int{}
	}
	for call, n := range change {
		if n == -1 {
			delete(next, call)
		} else {
			next[call] = n
		}
	}
	return next
}
