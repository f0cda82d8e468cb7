package overapi

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/posener/complete"
)

// Predictors are what shells complete arguments of these commands from, by the names in
// their tags: jobs, and profiles. What cannot be read has no names.
var Predictors = map[string]complete.Predictor{
	"job":     complete.PredictOr(complete.PredictFunc(jobNames), complete.PredictFiles("*.job")),
	"profile": complete.PredictFunc(profileNames),
}

// jobNames are the names of the jobs that were begun without a journal of their own.
func jobNames(complete.Args) (all []string) {
	dir, err := jobsDir()
	if err != nil {
		return nil
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.job"))
	for _, name := range names {
		all = append(all, strings.TrimSuffix(filepath.Base(name), ".job"))
	}
	return all
}

func profileNames(complete.Args) []string {
	text, err := os.ReadFile(profileFile())
	if err != nil {
		return nil
	}
	var all profiles
	if yaml.NewDecoder(bytes.NewReader(text)).Decode(&all) != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(all.Profiles))
}
