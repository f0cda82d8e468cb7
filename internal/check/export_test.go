package check

// InPasses is Account with few OpenIDs in memory at a time.
var InPasses = account
