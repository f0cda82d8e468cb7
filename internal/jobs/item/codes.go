package item

import "maps"

// SumCodes adds counts of refusals by codes to others, which stay as they are.
func SumCodes(to, of map[int]int) map[int]int {
	if len(of) == 0 {
		return to
	}
	all := make(map[int]int, len(to)+len(of))
	maps.Copy(all, to)
	for code, n := range of {
		all[code] += n
	}
	return all
}
