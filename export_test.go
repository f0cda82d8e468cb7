package mpblock

// CheckInPasses is Check with few OpenIDs in memory at a time.
var CheckInPasses = check
