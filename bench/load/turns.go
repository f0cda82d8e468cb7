package load

import (
	"fmt"
	"slices"
	"time"

	"mpblock/bench/process"
)

// Subject is one of those that are held against each other.
type Subject struct {
	Name  string
	Round func(until Limit) (Sample, error)
}

// Turns are how often subjects are measured, and how long each time.
type Turns struct {
	Rounds int
	Round  time.Duration
}

// disturbing is which share of the cores others may take of a round before it is named.
const disturbing = 0.1

// Others is the share of the machine's cores that somebody else took during a round: other
// programs, and the host that the machine runs on.
type Others float64

// Disturbed tells whether it was so much that the round says little.
func (o Others) Disturbed() bool { return o > disturbing }

// String is the share in percent, with a mark on what was disturbed.
func (o Others) String() string {
	s := fmt.Sprintf("%.0f", 100*float64(o))
	if o.Disturbed() {
		s += "!"
	}
	return s
}

// InTurns measures subjects alternately and returns the medians of each, also of
// the ratios within a round, which the machine's moods change least. A short
// round that does not count goes before, so that none pays for being the first.
func InTurns(t Turns, subjects []Subject) ([]Sample, error) {
	for _, s := range subjects {
		if _, err := s.Round(Limit{Time: t.Round / 4}); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return EachFully(t, subjects)
}

// EachFully is InTurns without the short round, for those that end by themselves.
func EachFully(t Turns, subjects []Subject) ([]Sample, error) {
	all := make([][]Sample, len(subjects))
	for range t.Rounds {
		for i, s := range subjects {
			got, err := watched(func() (Sample, error) { return s.Round(Limit{Time: t.Round}) })
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
			all[i] = append(all[i], got)
		}
	}
	medians := make([]Sample, len(subjects))
	for i := range all {
		for r := range all[i] {
			all[i][r].Ratio = all[0][r].Rate / all[i][r].Rate
		}
		medians[i] = median(all[i])
	}
	return medians, nil
}

// watched measures a round, and what others take of the machine meanwhile.
func watched(round func() (Sample, error)) (Sample, error) {
	before, err := process.TimesNow()
	if err != nil {
		return Sample{}, err
	}
	s, err := round()
	if err != nil {
		return s, err
	}
	after, err := process.TimesNow()
	s.Others = []Others{Others(after.Others(before))}
	return s, err
}

func median(s []Sample) Sample {
	pick := func(f func(Sample) float64) float64 {
		v := make([]float64, len(s))
		for i := range s {
			v[i] = f(s[i])
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	m := Sample{
		Rate:    pick(func(s Sample) float64 { return s.Rate }),
		P50:     time.Duration(pick(func(s Sample) float64 { return float64(s.P50) })),
		P99:     time.Duration(pick(func(s Sample) float64 { return float64(s.P99) })),
		Changes: pick(func(s Sample) float64 { return s.Changes }),
		Ratio:   pick(func(s Sample) float64 { return s.Ratio }),
	}
	for i := range s {
		m.Others = append(m.Others, s[i].Others...)
	}
	return m
}
